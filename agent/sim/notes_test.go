package sim

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/app"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
)

// switchNotesOn does what cosell_salesforce_settings does.
func (w *world) switchNotesOn(o organisation) {
	w.t.Helper()
	results, err := w.administrator(o).UpdateMetadata(context.Background(),
		metadata.New("EnhancedNotesSettings", "EnhancedNotes", metadata.NewText("enableEnhancedNotes", "true")))
	if err == nil {
		err = results[0].Err()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// refused tells why the agent does not start.
func (a *agent) refused() error {
	kept, err := a.storage(a.name, a.w.now)
	if err != nil {
		a.w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	l := &life{store: newMortal(kept), ctx: ctx, cancel: cancel, transport: &http.Transport{DialContext: a.w.network.DialContext}}
	defer l.transport.CloseIdleConnections()
	refusing, err := app.New(a.document, l.store, a.machine(l))
	if err != nil {
		return err
	}
	return refusing.Run(ctx)
}

func encoded(content string) string { return base64.StdEncoding.EncodeToString([]byte(content)) }

// notesOf gives the notes that are linked to the opportunity of a deal.
func (w *world) notesOf(o organisation, name string) (ids []string) {
	for _, row := range w.opportunities(o)[name] {
		for _, link := range o.org.Rows("ContentDocumentLink") {
			if link["LinkedEntityId"] == row.id {
				ids = append(ids, text(link["ContentDocumentId"]))
			}
		}
	}
	return ids
}

func (w *world) contentOf(o organisation, note string) string {
	row, _ := o.org.Row("ContentNote", note)
	return text(row["TextPreview"])
}

func (w *world) notesSaid(name string) string {
	if said := w.referrals()[name][0].Details.Notes; said != nil {
		return *said
	}
	return ""
}

// A mapping may keep a referral's notes in a note of the opportunity: what the portal says becomes a note with its link, a seller's edit
// of it reaches the referral, and the portal's next word reaches the note, as a further version of it. A seller's note of the title is
// sent, other notes are the sellers' own, and Description is left alone.
func TestNotesAsSalesforceNotes(t *testing.T) {
	inWorld(t, 1, sandbox.Options{}, func(w *world) {
		o := w.production()
		w.provision(o)
		d := w.document(o, "production")
		d.PartnerCenter.Intake, d.PartnerCenter.Webhook = document.IntakePoll, nil
		for i, row := range d.Mappings {
			if row.Field == "notes" {
				d.Mappings[i].CRM = document.NotesField
			}
		}
		a := w.newAgent(o, d, inMemory())
		if err := a.refused(); !strings.Contains(fmt.Sprint(err), string(problem.NotesOff)) {
			w.t.Errorf("notes are off, and the agent starts with %v", err)
		}
		w.switchNotesOn(o)
		a.start()
		defer a.stop()
		w.must("send_referral", map[string]string{"name": "Sent", "value": "800"})
		w.must("edit_referral", map[string]string{"id": w.referrals()["Sent"][0].ID, "notes": "first <word>\nof Microsoft"})
		shared := w.share("Shared", "Web")
		holds := func(what, name, content, words string) {
			w.until(what, func() []string {
				notes := w.notesOf(o, name)
				if len(notes) == 0 || len(w.referrals()[name]) == 0 {
					return []string{"there is no note"}
				}
				if got, said := w.contentOf(o, notes[0]), w.notesSaid(name); got != content || said != words {
					return []string{fmt.Sprintf("the note is %q, and the referral says %q", got, said)}
				}
				return nil
			})
		}
		holds("the note of what was received", "Sent", "<p>first &lt;word&gt;<br>of Microsoft</p>", "first <word>\nof Microsoft")
		note := w.notesOf(o, "Sent")[0]
		w.must("edit_opportunity", map[string]string{"id": w.opportunities(o)["Sent"][0].id, "StageName": stageActive})
		if err := o.org.Edit("ContentNote", note, map[string]any{"Content": encoded("<p>the seller&#39;s word</p>")}); err != nil {
			w.t.Fatal(err)
		}
		holds("the seller's edit", "Sent", "<p>the seller&#39;s word</p>", "the seller's word")
		w.must("edit_referral", map[string]string{"id": w.referrals()["Sent"][0].ID, "notes": "Microsoft again"})
		holds("the portal's edit", "Sent", "<p>Microsoft again</p>", "Microsoft again")
		if notes := w.notesOf(o, "Sent"); len(notes) != 1 || notes[0] != note {
			w.t.Errorf("the notes are %v, not %s alone", notes, note)
		}

		w.until("the other deal", func() []string { return w.unequal(o, "Shared") })
		link := func(title, content string) {
			id, err := o.org.Create("ContentNote", map[string]any{"Title": title, "Content": encoded(content)})
			if err == nil {
				_, err = o.org.Create("ContentDocumentLink", map[string]any{"ContentDocumentId": id, "LinkedEntityId": shared, "ShareType": "V"})
			}
			if err != nil {
				w.t.Fatal(err)
			}
		}
		link("Mine", "nobody's business")
		time.Sleep(time.Hour)
		if got := w.notesSaid("Shared"); got != "" {
			w.t.Errorf("a seller's own note was sent: %q", got)
		}
		link("Co-sell notes", "for Microsoft")
		w.until("the note for Microsoft", func() []string {
			if got := w.notesSaid("Shared"); got != "for Microsoft" {
				return []string{got}
			}
			return nil
		})
		if got := w.opportunities(o)["Sent"][0].description; got != "" {
			w.t.Errorf("the description says %q", got)
		}
		time.Sleep(time.Hour)
		mark := w.mark()
		time.Sleep(time.Hour)
		w.rests(mark, o)
	})
}
