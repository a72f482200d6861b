package console

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"ago": ago, "words": func(text string) string { return strings.ReplaceAll(text, "_", " ") }, "at": shownTime, "percent": percent,
	"every": every,
}).ParseFS(pageFiles, "pages/*.html"))

// addPages adds the status page: what the API gives, for people. It changes nothing.
func (s *Server) addPages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.overviewPage)
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, pageFiles, "pages/style.css") })
	mux.HandleFunc("GET /connectors/{connector}/deals", s.dealsPage)
	mux.HandleFunc("GET /connectors/{connector}/deals/{id}", s.dealPage)
}

// page is what every page shows around its contents.
type page struct {
	Title   string
	Refresh int // seconds; 0: never
	Now     time.Time
	Body    any
}

// refreshed is how often a page loads itself again, in seconds.
const refreshed = 15

func (s *Server) overviewPage(w http.ResponseWriter, r *http.Request) {
	var all []Status
	for _, name := range s.names() {
		status, err := s.Connectors[name].Status(r.Context())
		if err != nil {
			status.Trouble = "the store cannot be read: " + err.Error()
		}
		status.Connector = name
		all = append(all, status)
	}
	s.render(w, "overview.html", page{Title: "Connectors", Refresh: refreshed, Body: all})
}

// listed is the body of the page of deals.
type listed struct {
	Connector string
	Query     Query
	States    []string
	List      List
	Next      string // address of the next page
}

func (s *Server) dealsPage(w http.ResponseWriter, r *http.Request) {
	o, known := s.Connectors[r.PathValue("connector")]
	if !known {
		http.NotFound(w, r)
		return
	}
	q := r.URL.Query()
	if id := strings.TrimSpace(q.Get("id")); id != "" {
		http.Redirect(w, r, "/connectors/"+url.PathEscape(r.PathValue("connector"))+"/deals/"+url.PathEscape(id), http.StatusSeeOther)
		return
	}
	query := Query{State: q.Get("state"), Code: strings.ToUpper(q.Get("code")), Problems: q.Get("problems") == "true", After: q.Get("after"), Limit: usualPage}
	list, err := o.Deals(r.Context(), query)
	if err != nil {
		s.renderError(w, err)
		return
	}
	body := listed{Connector: r.PathValue("connector"), Query: query, List: list, States: []string{
		store.StateQuiet, store.StateWaiting, store.StateWorking, store.StateParked, store.StateGated, store.StateStopped,
	}}
	if list.Next != "" {
		q.Set("after", list.Next)
		body.Next = "?" + q.Encode()
	}
	s.render(w, "deals.html", page{Title: "Deals", Body: body})
}

// shown is the body of a deal's page.
type shown struct {
	Connector string
	Deal      Detail
}

func (s *Server) dealPage(w http.ResponseWriter, r *http.Request) {
	o, known := s.Connectors[r.PathValue("connector")]
	if !known {
		http.NotFound(w, r)
		return
	}
	d, err := o.Deal(r.Context(), r.PathValue("id"))
	if err != nil {
		s.renderError(w, err)
		return
	}
	s.render(w, "deal.html", page{Title: "Deal", Refresh: refreshed, Body: shown{r.PathValue("connector"), d}})
}

func (s *Server) renderError(w http.ResponseWriter, err error) {
	w.WriteHeader(http.StatusNotFound)
	s.render(w, "error.html", page{Title: "Not found", Body: err.Error()})
}

func (s *Server) render(w http.ResponseWriter, name string, p page) {
	p.Now = s.Now()
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, p); err != nil {
		s.Log.Error("cannot show a page", "page", name, "error", err)
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(out.Bytes()) // the browser is gone
}

// ago says how long ago a time (RFC 3339) was.
func ago(now time.Time, at string) string {
	then, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return "never"
	}
	passed := now.Sub(then)
	switch {
	case passed < -time.Second:
		return "in " + span(-passed)
	case passed < 2*time.Second:
		return "just now"
	default:
		return span(passed) + " ago"
	}
}

func span(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if d >= 2*unit.length {
			return strconv.Itoa(int(d/unit.length)) + " " + unit.name
		}
	}
	return strconv.Itoa(int(d/time.Second)) + " s"
}

// every leaves out of a duration what says nothing: 15m0s is 15m.
func every(duration string) string {
	return strings.NewReplacer("m0s", "m", "h0m0s", "h", "h0m", "h").Replace(duration)
}

// shownTime is a time (RFC 3339) as people read it.
func shownTime(at string) string {
	return strings.TrimSuffix(strings.Replace(at, "T", " ", 1), "Z")
}

func percent(used, budget int64) int64 {
	if budget <= 0 {
		return 0
	}
	return min(100, used*100/budget)
}
