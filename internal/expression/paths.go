package expression

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// readPaths finds what an expression reads under the root. A root that stands alone is refused: what it would read is not known
// before it runs, and so neither asked for nor checked.
func readPaths(checked *ast.AST, root string) (read, tested []string, err error) {
	paths, presence := map[string]bool{}, map[string]bool{}
	visit(ast.NavigateAST(checked), func(e ast.NavigableExpr) bool {
		path, test, rooted := pathOf(e, root)
		switch {
		case !rooted:
			return true
		case path == "":
			err = fmt.Errorf("%s must be followed by what is read of it, as in %s.name", root, root)
		case test:
			presence[path] = true
		}
		if path != "" {
			paths[path] = true
		}
		return false
	})
	return slices.Sorted(maps.Keys(paths)), slices.Sorted(maps.Keys(presence)), err
}

// visit goes down the tree until the visitor has seen enough of a branch.
func visit(e ast.NavigableExpr, see func(ast.NavigableExpr) bool) {
	if !see(e) {
		return
	}
	for _, child := range e.Children() {
		visit(child, see)
	}
}

// pathOf reads a chain of selections that begins with the root: root.a.b, root["a"], root.?a. An index that is not a constant
// text ends the chain, and what stands in it is looked at by itself.
func pathOf(e ast.NavigableExpr, root string) (path string, test, rooted bool) {
	var steps []string
	for {
		switch e.Kind() {
		case ast.IdentKind:
			slices.Reverse(steps)
			return strings.Join(steps, "."), test, e.AsIdent() == root
		case ast.SelectKind:
			selection := e.AsSelect()
			test = test || selection.IsTestOnly()
			steps = append(steps, selection.FieldName())
		case ast.CallKind:
			step, optional, ok := constantStep(e)
			if !ok {
				return "", false, false
			}
			test = test || optional
			steps = append(steps, step)
		default:
			return "", false, false
		}
		e = e.Children()[0]
	}
}

// constantStep reads x["a"], and with a test for presence x[?"a"] and x.?a.
func constantStep(e ast.NavigableExpr) (step string, optional, ok bool) {
	name, children := e.AsCall().FunctionName(), e.Children()
	optional = name == "_[?_]" || name == "_?._"
	if name != "_[_]" && !optional || len(children) != 2 || children[1].Kind() != ast.LiteralKind {
		return "", false, false
	}
	text, ok := children[1].AsLiteral().(types.String)
	return string(text), optional, ok
}

// complete gives the tree with null where the expression reads something that is not there, so that a missing part is an empty
// value and no failure. What has() tests stays absent. The caller's tree is not touched.
func (e *Expression) complete(tree map[string]any) map[string]any {
	if tree == nil {
		tree = map[string]any{}
	}
	for _, path := range e.paths {
		steps := strings.Split(path, ".")
		tree = withStep(tree, steps, !slices.Contains(e.tested, path))
	}
	return tree
}

func withStep(tree map[string]any, steps []string, fill bool) map[string]any {
	current, there := tree[steps[0]]
	if len(steps) == 1 {
		if there || !fill {
			return tree
		}
		return with(tree, steps[0], nil)
	}
	switch branch := current.(type) {
	case nil:
		return with(tree, steps[0], withStep(map[string]any{}, steps[1:], fill))
	case map[string]any:
		return with(tree, steps[0], withStep(branch, steps[1:], fill))
	default:
		return tree
	}
}

func with(tree map[string]any, step string, value any) map[string]any {
	clone := maps.Clone(tree)
	clone[step] = value
	return clone
}
