package dataverse

import (
	"net/http"
	"net/url"
)

// screen says whether the write comes from a screen and not from the Web API.
func (c *call) screen() bool { return c.r == nil }

// personCall is a call without a request: what a person does on a screen. The lock is held.
func (e *Environment) personCall(user string) *call {
	who := &principal{id: user, actor: "seller"}
	if rec := e.find("systemuser", user); rec != nil {
		who.actor = e.actorOf(rec)
	}
	return &call{e: e, who: who, header: http.Header{}, query: url.Values{}, tx: &tx{e: e}}
}
