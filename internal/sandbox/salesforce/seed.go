package salesforce

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
)

// seed fills a new org with what every org has: its own row, users, stages, currencies and the opportunity layout.
func (o *Org) seed() error {
	t := &tx{o: o}
	org := &record{id: o.opts.OrgID, object: o.data.object("Organization"), values: map[string]any{
		"Name": o.opts.OrgName, "OrganizationType": "Enterprise Edition", "IsSandbox": o.opts.Sandbox, "InstanceName": "SBX1",
		"Country": "US", "LanguageLocaleKey": "en_US", "TimeZoneSidKey": "GMT", "DefaultLocaleSidKey": "en_US",
	}}
	admin := o.newUser(t, "provider.admin@example.com", "Provider", "Administrator", &o.opts.Provider)
	admin.admin = true
	agent := o.newUser(t, "cosell.agent@example.com", "Cosell Agent", "Integration", &o.opts.Agent)
	o.seller = o.newUser(t, "seller@example.com", "Sales", "Representative", &Login{})
	o.seller.person, o.seller.actor = true, "seller"
	o.stampSeed(t, org, admin)
	o.seedStages(t, admin)
	o.seedCurrencies(t, admin)
	if err := o.seedLayout(); err != nil {
		return err
	}
	return o.seedApps(admin, agent)
}

func (o *Org) newUser(t *tx, username, first, last string, login *Login) *principal {
	if login.Username == "" {
		login.Username = username
	}
	p := &principal{userID: t.nextID("005"), username: login.Username, actor: login.Username}
	login.UserID = p.userID
	o.users[p.userID] = p
	o.stampSeed(t, &record{id: p.userID, object: o.data.object("User"), values: map[string]any{
		"Username": p.username, "Email": p.username, "Phone": "+1 425 555 0100", "FirstName": first, "LastName": last, "Name": first + " " + last,
		"Alias": strings.ToLower(clipRunes(last, 4)), "IsActive": true, "UserType": "Standard", "TimeZoneSidKey": "GMT", "LocaleSidKey": "en_US",
		"LanguageLocaleKey": "en_US",
	}}, p)
	return p
}

// addUser gives a colleague of the seller's a user, and its id.
func (o *Org) addUser(email, first, last, phone string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	user := o.newUser(&tx{o: o}, email, first, last, &Login{}).userID
	o.find(o.data.object("User"), user).values["Phone"] = phone
	return user
}

func (o *Org) stampSeed(t *tx, rec *record, who *principal) {
	o.stampCreated(rec, who)
	rec.values["SystemModstamp"] = o.now()
	t.put(rec)
}

func clipRunes(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most])
	}
	return text
}

func (o *Org) seedStages(t *tx, admin *principal) {
	stages := []struct {
		label       string
		probability float64
		closed, won bool
		category    string
	}{
		{"Prospecting", 10, false, false, "Pipeline"},
		{"Qualification", 10, false, false, "Pipeline"},
		{"Needs Analysis", 20, false, false, "Pipeline"},
		{"Value Proposition", 50, false, false, "Pipeline"},
		{"Id. Decision Makers", 60, false, false, "Pipeline"},
		{"Perception Analysis", 70, false, false, "Pipeline"},
		{"Proposal/Price Quote", 75, false, false, "Pipeline"},
		{"Negotiation/Review", 90, false, false, "Pipeline"},
		{"Closed Won", 100, true, true, "Closed"},
		{"Closed Lost", 0, true, false, "Omitted"},
	}
	for i, s := range stages {
		o.stampSeed(t, &record{id: t.nextID("01J"), object: o.data.object("OpportunityStage"), values: map[string]any{
			"MasterLabel": s.label, "ApiName": s.label, "IsActive": true, "SortOrder": float64(i + 1), "IsClosed": s.closed, "IsWon": s.won,
			"ForecastCategory": s.category, "ForecastCategoryName": s.category, "DefaultProbability": s.probability,
		}}, admin)
	}
}

func (o *Org) seedCurrencies(t *tx, admin *principal) {
	currencies := []struct {
		code         string
		rate, places float64
	}{{"USD", 1, 2}, {"EUR", 0.9, 2}, {"GBP", 0.8, 2}, {"JPY", 150, 0}}
	for _, c := range currencies {
		o.stampSeed(t, &record{id: t.nextID("01L"), object: o.data.object("CurrencyType"), values: map[string]any{
			"IsoCode": c.code, "ConversionRate": c.rate, "DecimalPlaces": c.places, "IsActive": true, "IsCorporate": c.code == "USD",
		}}, admin)
	}
}

// seedApps registers the two connected apps; each admits its own user only.
func (o *Org) seedApps(admin, agent *principal) error {
	var generated string
	for _, app := range []struct {
		login *Login
		user  *principal
	}{{&o.opts.Provider, admin}, {&o.opts.Agent, agent}} {
		login := app.login
		if login.PrivateKeyPEM == "" {
			if generated == "" {
				var err error
				if generated, err = newPrivateKey(); err != nil {
					return err
				}
			}
			login.PrivateKeyPEM = generated
		}
		key, err := publicKey(login.PrivateKeyPEM)
		if err != nil {
			return fmt.Errorf("salesforce: private key of %s: %w", login.Username, err)
		}
		if login.ClientID == "" {
			login.ClientID = "3MVG9" + o.randomText(40)
		}
		if login.ClientSecret == "" {
			login.ClientSecret = o.randomText(48)
		}
		o.apps[login.ClientID] = &connectedApp{secret: login.ClientSecret, key: key, user: app.user}
	}
	if len(o.apps) != 2 {
		return errors.New("salesforce: the provider and the agent need connected apps of their own; give them different client ids")
	}
	return nil
}

func newPrivateKey() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", fmt.Errorf("generate a signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("encode the signing key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

func publicKey(privatePEM string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(privatePEM))
	if block == nil {
		return nil, errors.New("not a PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("not a PKCS #8 key: %w", err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("not an RSA key")
	}
	return &key.PublicKey, nil
}

// randomText is n characters fit for tokens and client ids.
func (o *Org) randomText(n int) string {
	raw := make([]byte, n)
	if _, err := io.ReadFull(o.opts.Random, raw); err != nil {
		_, _ = rand.Read(raw) // never fails; an exhausted source of a test must not make tokens guessable
	}
	text := base64.RawURLEncoding.EncodeToString(raw)
	return strings.NewReplacer("-", ".", "_", ".").Replace(text)[:n]
}
