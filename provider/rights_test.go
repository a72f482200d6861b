package provider_test

import (
	"encoding/json"
	"testing"
)

// Who may not ask for privileges plans as if they were all held: the apply says what is refused.
func TestRightsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, nil)
	_, err := w.sandbox.Act(t.Context(), "dynamics_grant", json.RawMessage(`{"role": "Cosell Agent", "privilege": "prvReadSystemUser", "depth": "none"}`))
	check(t, err)
	if said := (misconfigured{config: column, env: asDataverseAgent}).planOf(t, w); failed(said) {
		t.Errorf("the plan fails: %+v", said)
	}
}
