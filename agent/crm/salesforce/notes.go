package salesforce

import (
	"context"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// Notes are documents of their own, which links relate to records ("ContentNote", "ContentDocumentLink").
const (
	noteObject = document.NotesField
	linkObject = "ContentDocumentLink"
	notePart   = "note"
	// noteTitle tells the note that is kept equal with the referral's from every other note of the opportunity.
	noteTitle = "Co-sell notes"
)

// describeNotes fails with a problem (NotesOff) where the mapping names notes and the organisation has none.
func (o *Org) describeNotes(ctx context.Context) error {
	if !o.names.Notes {
		return nil
	}
	_, err := o.client.Data().Describe(ctx, noteObject)
	if salesforce.IsNotFound(err) {
		return problem.New(problem.NotesOff, "Salesforce organisation", "")
	}
	return err
}

// noteQuery reads the newest co-sell note as a part of the opportunity.
func (o *Org) noteQuery() []string {
	if !o.names.Notes {
		return nil
	}
	return []string{"(SELECT ContentDocumentId, ContentDocument.LatestPublishedVersionId FROM ContentDocumentLinks WHERE ContentDocument.Title = " +
		salesforce.Quote(noteTitle) + " ORDER BY ContentDocument.CreatedDate DESC, Id DESC LIMIT 1)"}
}

// noteSeparator stands between the parts of a record's version: when it was changed, its note, and the note's version.
const noteSeparator = "|"

// withNote completes a record with its co-sell note, by a call of its own where there is one. An edit of the note changes the version of
// the record, because the opportunity's own time stamp stays.
func (o *Org) withNote(ctx context.Context, record crm.Record, row map[string]any) (crm.Record, error) {
	links := children(row, "ContentDocumentLinks")
	if !o.names.Notes || len(links) == 0 {
		return record, nil
	}
	id := text(links[0]["ContentDocumentId"])
	content, err := o.client.Data().Blob(ctx, noteObject, id, "Content")
	if salesforce.IsNotFound(err) {
		return record, fmt.Errorf("the note of opportunity %s: %w", record.ID, crm.ErrChanged)
	}
	if err != nil {
		return record, fmt.Errorf("read the note of opportunity %s: %w", record.ID, err)
	}
	record.Fields[noteObject] = noteText(string(content))
	record.Version = strings.Join([]string{record.Version, id, text(at(links[0], "ContentDocument.LatestPublishedVersionId"))}, noteSeparator)
	return record, nil
}

// splitVersion gives the time stamp and the note of a record's version.
func splitVersion(version string) (stamp, note string) {
	parts := strings.Split(version, noteSeparator)
	if len(parts) > 1 {
		note = parts[1]
	}
	return parts[0], note
}

// takeNote takes the text of the note out of fields that are to be written; nil when it is not among them.
func takeNote(fields map[string]any) *string {
	value, there := fields[noteObject]
	if !there {
		return nil
	}
	delete(fields, noteObject)
	words := text(value)
	return &words
}

// noteParts write the text as the next version of a note, or as a new note of the opportunity. The deal makes their references its own.
func noteParts(deal, opportunity, note string, words *string) []salesforce.Subrequest {
	if words == nil {
		return nil
	}
	content := base64.StdEncoding.EncodeToString([]byte(noteHTML(*words)))
	if note != "" {
		return []salesforce.Subrequest{{
			Method: http.MethodPatch, Path: "/sobjects/" + noteObject + "/" + note, ReferenceID: notePart + deal, Body: map[string]any{"Content": content},
		}}
	}
	if *words == "" {
		return nil
	}
	return []salesforce.Subrequest{
		{Method: http.MethodPost, Path: "/sobjects/" + noteObject, ReferenceID: notePart + deal, Body: map[string]any{"Title": noteTitle, "Content": content}},
		{Method: http.MethodPost, Path: "/sobjects/" + linkObject, ReferenceID: notePart + "Link" + deal, Body: map[string]any{
			"ContentDocumentId": "@{" + notePart + deal + ".id}", "LinkedEntityId": opportunity, "ShareType": "V", "Visibility": "AllUsers",
		}},
	}
}

// noteHTML gives plain text as a note holds it: a note is HTML, and loses line feeds.
func noteHTML(words string) string {
	if words == "" {
		return ""
	}
	lines := strings.Split(strings.ReplaceAll(words, "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = html.EscapeString(line)
	}
	return "<p>" + strings.Join(lines, "<br>") + "</p>"
}

var (
	lineEnd = regexp.MustCompile(`(?i)<br\s*/?>|</(p|div|li|h[1-6])>`)
	tag     = regexp.MustCompile(`<[^>]*>`)
)

// noteText gives the plain text of a note.
func noteText(content string) string {
	plain := html.UnescapeString(tag.ReplaceAllString(lineEnd.ReplaceAllString(content, "\n"), ""))
	return strings.TrimSpace(strings.ReplaceAll(plain, "\u00a0", " "))
}

// changedNotes adds the opportunities whose co-sell note changed, by a query of its own: an edit of a note changes nothing else, and the
// composite call of a poll is full.
func (o *Org) changedNotes(ctx context.Context, after func(field string) string, feed *hitList) error {
	if !o.names.Notes {
		return nil
	}
	rows, err := salesforce.Query[map[string]any](ctx, o.client.Data(), fmt.Sprintf(
		"SELECT LinkedEntityId, ContentDocumentId, ContentDocument.LatestPublishedVersionId, ContentDocument.ContentModifiedDate FROM %s "+
			"WHERE LinkedEntityId IN (SELECT Id FROM %s WHERE %s = true) AND ContentDocument.Title = %s AND %s ORDER BY ContentDocument.ContentModifiedDate, Id",
		linkObject, o.names.Opportunity, o.names.Sync, salesforce.Quote(noteTitle), after("ContentDocument.ContentModifiedDate")))
	if err != nil {
		return fmt.Errorf("poll for changed notes: %w", err)
	}
	for _, row := range rows {
		feed.add(map[string]any{
			"OpportunityId": row["LinkedEntityId"], "SystemModstamp": at(row, "ContentDocument.ContentModifiedDate"),
			"Note": row["ContentDocumentId"], "Version": at(row, "ContentDocument.LatestPublishedVersionId"),
		}, "")
	}
	return nil
}
