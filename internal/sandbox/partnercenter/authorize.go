package partnercenter

import (
	"net/http"
	"strings"
)

func unauthenticated(message string) *refusal {
	return &refusal{status: http.StatusUnauthorized, code: "unauthenticated", message: message}
}

// authorize checks the bearer token of a request and returns its subject. The referrals API serves users only; the webhooks
// API serves applications too (pages "referral-api-authentication", "partner-center-webhooks").
func (s *Service) authorize(r *http.Request, audience string, applications bool) (string, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", unauthenticated("The request has no bearer token.")
	}
	claims, err := s.options.Tokens.Verify(token)
	if err != nil {
		return "", unauthenticated("The access token is not valid: " + err.Error() + ".")
	}
	if claims.Audience != audience {
		e := unauthenticated("The access token is for another audience: " + claims.Audience + ".")
		e.numeric = 900420
		return claims.Subject, e
	}
	if claims.AppOnly {
		if applications {
			return claims.Subject, nil
		}
		e := &refusal{status: http.StatusForbidden, code: "accessDenied", numeric: 900329, message: "The resource supports user access only."}
		if s.kit.Switches.Is(switchAppOnly, "401") {
			e.status, e.code = http.StatusUnauthorized, "unauthenticated"
		}
		return claims.Subject, e
	}
	if !claims.MFA && s.kit.Switches.Is(switchMFA, "refused") {
		return claims.Subject, unauthenticated("The user did not sign in with multi-factor authentication.")
	}
	if audience == ReferralsAudience && s.kit.Switches.Is(switchUserRole, "none") {
		return claims.Subject, &refusal{status: http.StatusForbidden, code: "accessDenied", numeric: 900308, message: "The user does not have a role for referrals."}
	}
	return claims.Subject, nil
}
