package dataverse

import "strings"

// language is the only language of the environment's own labels; clients may add others.
const language = 1033

// label is a Label in the form of answers.
func label(text string) map[string]any {
	one := localized(text, language)
	return map[string]any{"LocalizedLabels": []any{one}, "UserLocalizedLabel": one}
}

func localized(text string, code float64) map[string]any {
	return map[string]any{"Label": text, "LanguageCode": code, "IsManaged": false, "MetadataId": fixedID("label", text), "HasChanged": nil}
}

func emptyLabel() map[string]any {
	return map[string]any{"LocalizedLabels": []any{}, "UserLocalizedLabel": nil}
}

// labelText is a label's text in the environment's language, or the first one.
func labelText(value any) string {
	l, _ := value.(map[string]any)
	list, _ := l["LocalizedLabels"].([]any)
	text := ""
	for i, entry := range list {
		one, _ := entry.(map[string]any)
		words, _ := one["Label"].(string)
		code, _ := numberOf(one["LanguageCode"])
		if i == 0 || code == language {
			text = words
		}
		if code == language {
			break
		}
	}
	return text
}

// readLabel turns a label of a request into the form of answers. With merge, the languages that the request leaves out keep
// their texts; without, they lose them (MSCRM.MergeLabels).
func readLabel(value any, before any, merge bool) (map[string]any, *apiError) {
	sent, isObject := value.(map[string]any)
	if value == nil {
		return emptyLabel(), nil
	}
	if !isObject {
		return nil, errPayload("label", "a Label must be an object with LocalizedLabels")
	}
	list, _ := sent["LocalizedLabels"].([]any)
	byLanguage := map[float64]string{}
	var order []float64
	note := func(entries []any, replace bool) *apiError {
		for _, entry := range entries {
			one, _ := entry.(map[string]any)
			words, isText := one["Label"].(string)
			code, isNumber := numberOf(one["LanguageCode"])
			if !isText || !isNumber {
				return errPayload("label", "a LocalizedLabel needs Label and LanguageCode")
			}
			if _, known := byLanguage[code]; !known {
				order = append(order, code)
			} else if !replace {
				continue
			}
			byLanguage[code] = words
		}
		return nil
	}
	if err := note(list, true); err != nil {
		return nil, err
	}
	if old, ok := before.(map[string]any); ok && merge {
		kept, _ := old["LocalizedLabels"].([]any)
		if err := note(kept, false); err != nil {
			return nil, err
		}
	}
	out := emptyLabel()
	var labels []any
	for _, code := range order {
		one := localized(byLanguage[code], code)
		labels = append(labels, one)
		if code == language || out["UserLocalizedLabel"] == nil {
			out["UserLocalizedLabel"] = one
		}
	}
	if labels != nil {
		out["LocalizedLabels"] = labels
	}
	return out, nil
}

// managed is a managed property in the form of answers.
func managed(value any, name string) map[string]any {
	return map[string]any{"Value": value, "CanBeChanged": true, "ManagedPropertyLogicalName": name}
}

// spaced makes a display name of a schema name: EstimatedValue becomes Estimated Value.
func spaced(schema string) string {
	var b strings.Builder
	for i, r := range schema {
		if i > 0 && r >= 'A' && r <= 'Z' && !strings.HasSuffix(b.String(), " ") {
			previous := schema[i-1]
			if previous < 'A' || previous > 'Z' {
				b.WriteByte(' ')
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}
