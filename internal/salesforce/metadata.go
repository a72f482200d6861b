package salesforce

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

// MaxMetadata is how many components one metadata call takes (source: Metadata API Developer Guide, "createMetadata()").
const MaxMetadata = 10

// ReadMetadata reads components of one type by full name, ten per call. Components that do not exist, or that the user
// may not see, are missing from the result: cross-check with [Client.ListMetadata] before believing that one is gone.
func (c *Client) ReadMetadata(ctx context.Context, kind string, fullNames ...string) ([]metadata.Component, error) {
	var components []metadata.Component
	for names := range slices.Chunk(fullNames, MaxMetadata) {
		children, err := c.callSOAP(ctx, soapCall{operation: "readMetadata", read: true, write: writeNames(kind, names)})
		if err != nil {
			return nil, err
		}
		for _, result := range children {
			for _, record := range result.All("records") {
				if component, ok := metadata.FromRecord(kind, record); ok {
					components = append(components, component)
				}
			}
		}
	}
	return components, nil
}

// MetadataResult is what became of one component.
type MetadataResult struct {
	FullName string
	Success  bool
	Errors   []Error

	operation string
}

// Err gives the component's failure as an [*APIError], or nil.
func (r MetadataResult) Err() error {
	if r.Success {
		return nil
	}
	return &APIError{Operation: r.operation + " " + r.FullName, Errors: r.Errors, settled: true}
}

// CreateMetadata makes up to ten components of one type, each for itself. The results stand in the components' order. An
// existing component fails with an error for which [IsDuplicate] holds.
func (c *Client) CreateMetadata(ctx context.Context, components ...metadata.Component) ([]MetadataResult, error) {
	return c.saveMetadata(ctx, "createMetadata", components)
}

// UpdateMetadata replaces up to ten components of one type, each for itself: what is not sent is lost or reset. A missing
// component fails with an error for which [IsNotFound] holds.
func (c *Client) UpdateMetadata(ctx context.Context, components ...metadata.Component) ([]MetadataResult, error) {
	return c.saveMetadata(ctx, "updateMetadata", components)
}

func (c *Client) saveMetadata(ctx context.Context, operation string, components []metadata.Component) ([]MetadataResult, error) {
	if err := checkCount(operation, len(components), MaxMetadata); err != nil || len(components) == 0 {
		return nil, err
	}
	names := make([]string, len(components))
	for i, component := range components {
		names[i] = component.FullName
		if component.Type != components[0].Type {
			return nil, fmt.Errorf("salesforce: %s: %s and %s in one call, which takes one type", operation, components[0].Type, component.Type)
		}
	}
	return c.changeMetadata(ctx, operation, names, func(b *bytes.Buffer) {
		for _, component := range components {
			component.AppendTo(b)
		}
	})
}

// DeleteMetadata removes up to ten components of one type, each for itself, with everything inside them.
func (c *Client) DeleteMetadata(ctx context.Context, kind string, fullNames ...string) ([]MetadataResult, error) {
	if err := checkCount("deleteMetadata", len(fullNames), MaxMetadata); err != nil || len(fullNames) == 0 {
		return nil, err
	}
	return c.changeMetadata(ctx, "deleteMetadata", fullNames, writeNames(kind, fullNames))
}

func (c *Client) changeMetadata(ctx context.Context, operation string, names []string, write func(*bytes.Buffer)) ([]MetadataResult, error) {
	children, err := c.callSOAP(ctx, soapCall{operation: operation, write: write})
	if err != nil {
		return nil, err
	}
	var results []MetadataResult
	for _, child := range children {
		if child.Name() == "result" {
			results = append(results, readResult(operation, child))
		}
	}
	if len(results) != len(names) {
		return nil, &DecodeError{Operation: "metadata " + operation, Err: fmt.Errorf("%d results for %d components", len(results), len(names)), ambiguous: true}
	}
	for i := range results {
		if results[i].FullName == "" {
			results[i].FullName = names[i]
		}
	}
	return results, nil
}

func readResult(operation string, node *metadata.Node) MetadataResult {
	result := MetadataResult{operation: operation, FullName: node.ChildText("fullName"), Success: node.ChildText("success") == "true"}
	for _, e := range node.All("errors") {
		result.Errors = append(result.Errors, Error{
			Code: e.ChildText("statusCode"), Message: e.ChildText("message"), Fields: e.ChildTexts("fields"),
		})
	}
	return result
}

func writeNames(kind string, names []string) func(*bytes.Buffer) {
	return func(b *bytes.Buffer) {
		writeElement(b, "type", kind)
		for _, name := range names {
			writeElement(b, "fullNames", name)
		}
	}
}

// FileProperties says that a component exists and when it changed (source: "FileProperties").
type FileProperties struct {
	Type             string
	FullName         string
	ID               string
	FileName         string
	NamespacePrefix  string
	ManageableState  string // e.g. unmanaged, installed
	LastModifiedDate time.Time
	LastModifiedByID string
	CreatedDate      time.Time
}

// ListMetadata lists the components of up to three types.
func (c *Client) ListMetadata(ctx context.Context, kinds ...string) ([]FileProperties, error) {
	if err := checkCount("listMetadata", len(kinds), 3); err != nil || len(kinds) == 0 {
		return nil, err
	}
	children, err := c.callSOAP(ctx, soapCall{operation: "listMetadata", read: true, write: func(b *bytes.Buffer) {
		for _, kind := range kinds {
			b.WriteString("<queries>")
			writeElement(b, "type", kind)
			b.WriteString("</queries>")
		}
		writeElement(b, "asOfVersion", c.config.APIVersion)
	}})
	if err != nil {
		return nil, err
	}
	var files []FileProperties
	for _, child := range children {
		if child.Name() != "result" || child.IsNil() || child.ChildText("fullName") == "" {
			continue
		}
		file, err := readFileProperties(child)
		if err != nil {
			return nil, &DecodeError{Operation: "metadata listMetadata", Err: err}
		}
		files = append(files, file)
	}
	return files, nil
}

func readFileProperties(node *metadata.Node) (FileProperties, error) {
	file := FileProperties{
		Type: node.ChildText("type"), FullName: node.ChildText("fullName"), ID: node.ChildText("id"),
		FileName: node.ChildText("fileName"), NamespacePrefix: node.ChildText("namespacePrefix"),
		ManageableState: node.ChildText("manageableState"), LastModifiedByID: node.ChildText("lastModifiedById"),
	}
	for _, date := range []struct {
		name string
		into *time.Time
	}{{"lastModifiedDate", &file.LastModifiedDate}, {"createdDate", &file.CreatedDate}} {
		text := node.ChildText(date.name)
		if text == "" {
			continue
		}
		at, err := ParseTime(text)
		if err != nil {
			return FileProperties{}, err
		}
		*date.into = at
	}
	return file, nil
}
