package salesforce

import (
	"encoding/base64"
	"net/http"
	"unicode/utf8"
)

// longestNote is how many bytes a note takes here; a real org takes 50 MB.
const longestNote = 1 << 20

// contentNoteObject are the notes of enhanced note taking; they exist only where Notes are on (Object Reference, "ContentNote"). A note is
// the document that links refer to, so one object stands for ContentNote and ContentDocument here.
func contentNoteObject() *object {
	content := typed("Content", "Content", typeBase64, longestNote)
	content.NotFilterable = true
	fileType := text("FileType", "File Type", 20).readOnly()
	fileType.Default = "SNOTE"
	obj := newObject("ContentNote", "Note", "Notes", "069",
		text("Title", "Title", 255).require().isName(),
		content,
		fileType,
		typed("ContentModifiedDate", "Content Modified Date", typeDateTime, 0).readOnly(),
		typed("LatestPublishedVersionId", "Latest Published Version ID", typeReference, 18).readOnly(),
		text("TextPreview", "Text Preview", 255).readOnly(),
	).withOwner("").withAudit()
	obj.Hidden = notesOff
	obj.beforeSave = newNoteVersion
	return obj
}

func notesOff(o *Org) bool { return !o.enhancedNotes() }

// newNoteVersion gives a note whose title or content changes its next version.
func newNoteVersion(o *Org, w *write) *apiError {
	if !w.changed("Title") && !w.changed("Content") {
		return nil
	}
	w.next.values["LatestPublishedVersionId"] = w.tx.nextID("068")
	w.next.values["ContentModifiedDate"] = o.now()
	w.next.set("TextPreview", nil)
	if content := w.next.str("Content"); content != "" {
		preview := []rune(content)
		w.next.values["TextPreview"] = string(preview[:min(len(preview), 255)])
	}
	return nil
}

// documentLinkObject relates a note to a record (Object Reference, "ContentDocumentLink").
func documentLinkObject() *object {
	entity := ref("LinkedEntityId", "Linked Entity ID", "Opportunity", "LinkedEntity", "ContentDocumentLinks", cascade).require().createOnly()
	visibility := pick("Visibility", "Visibility", true, "AllUsers", "InternalUsers", "SharedUsers")
	visibility.Default = "AllUsers"
	obj := newObject("ContentDocumentLink", "Content Document Link", "Content Document Links", "06A",
		ref("ContentDocumentId", "ContentDocument ID", "ContentNote", "ContentDocument", "ContentDocumentLinks", cascade).require().createOnly(),
		entity,
		pick("ShareType", "Share Type", true, "V", "C", "I").require(),
		visibility,
	)
	obj.add(&field{Name: "IsDeleted", Label: "Deleted", Type: typeBoolean, NotCreateable: true, NotUpdateable: true})
	obj.add(&field{Name: "SystemModstamp", Label: "System Modstamp", Type: typeDateTime, NotCreateable: true, NotUpdateable: true})
	obj.Hidden = notesOff
	return obj
}

// coerceBase64 keeps what was sent as base64 in its plain form.
func (f *field) coerceBase64(in any) (any, *apiError) {
	text, ok := in.(string)
	plain, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || !utf8.Valid(plain) {
		return nil, badRequest("INVALID_BASE64_ENCODED_STRING", "%s: value not of required type: base64", f.Label).on(f.Name)
	}
	if len(plain) > f.Length {
		return nil, badRequest("STRING_TOO_LONG", "%s: data value too large", f.Label).on(f.Name)
	}
	return string(plain), nil
}

// blob is the body of an answer that is no JSON.
type blob []byte

// readBlob answers GET /sobjects/T/{id}/{blobField} with the bytes ("SObject Blob Get").
func (c *call) readBlob(obj *object, id string, f *field) response {
	if c.method != http.MethodGet {
		return failed(errMethod(c.method))
	}
	if err := c.allow(); err != nil {
		return failed(err)
	}
	full, _ := normalizeID(id)
	for _, rec := range c.o.live(obj) {
		if rec.id == full {
			c.touch("read", obj.Name, full, nil, nil)
			return response{status: http.StatusOK, body: blob(rec.str(f.Name))}
		}
	}
	return failed(errNotFound())
}
