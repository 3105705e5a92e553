package archtest

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// source is one Go file of the tree.
type source struct {
	path string // relative to the module, with slashes
	dir  string
	test bool
	text []byte
	file *ast.File
	fset *token.FileSet
}

// sources walks the tree itself: a test that shells out to `go list` is cached and stays green when files change.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel == "build" || d.Name() == "testdata" || (strings.HasPrefix(d.Name(), ".") && rel != ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, rel, text, parser.ParseComments)
		if err != nil {
			return err
		}
		all = append(all, source{rel, strings.TrimSuffix(rel, "/"+d.Name()), strings.HasSuffix(rel, "_test.go"), text, f, fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d Go files found: the walk is broken", len(all))
	}
	return all
}

func below(path, folder string) bool {
	return folder == "" || path == folder || strings.HasPrefix(path, folder+"/")
}

func ruleOf(dir string) (best rule, ok bool) {
	for _, r := range rules {
		if below(dir, r.room) && len(r.room) >= len(best.room) {
			best, ok = r, true
		}
	}
	return best, ok
}

func isStd(path string) bool { return !strings.Contains(strings.Split(path, "/")[0], ".") }

func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		r, ok := ruleOf(s.dir)
		if !ok {
			t.Errorf("%s: no room of this name in the import table", s.path)
			continue
		}
		for _, imp := range s.file.Imports {
			path, _ := strconv.Unquote(imp.Path.Value)
			if why := refuse(r, s, path); why != "" {
				t.Errorf("%s imports %s: %s (%s)", s.path, path, why, r.because)
			}
		}
	}
}

// refuse says why a file of room r may not import path, or nothing.
func refuse(r rule, s source, path string) string {
	for module, rooms := range onlyIn {
		if below(path, module) && !slices.ContainsFunc(rooms, func(room string) bool { return below(s.dir, room) }) {
			return "it belongs to " + strings.Join(rooms, ", ") + " alone"
		}
	}
	switch {
	case path == "C":
		if !r.cgo && !below(s.dir, "tools") {
			return "no cgo in this room"
		}
	case path == "sotto" || strings.HasPrefix(path, "sotto/"):
		to := strings.TrimPrefix(path, "sotto/")
		allowed := append(slices.Clone(r.module), r.room)
		if s.test {
			allowed = append(allowed, r.testOnly...)
		}
		// A package below a room with a rule of its own may know the room's first floor (codec/jitter may know codec).
		allowed = append(allowed, strings.Split(r.room, "/")[0])
		if below(s.dir, "firmware") || below(s.dir, "net") {
			allowed = allowed[:len(allowed)-1]
		}
		if !slices.ContainsFunc(allowed, func(a string) bool { return below(to, a) }) {
			return "that room is not in its row of the table"
		}
	case isStd(path):
		if !s.test && slices.ContainsFunc(r.noStd, func(n string) bool { return path == n }) {
			return "not in a pure room"
		}
	default:
		if !slices.ContainsFunc(r.outside, func(o string) bool { return strings.HasPrefix(path, o) }) && !s.test {
			return "that module is not in its row of the table"
		}
	}
	return ""
}

// TestPureRooms holds house rules 2 and 3: now is an argument, and a pure room has no goroutine.
func TestPureRooms(t *testing.T) {
	for _, s := range sources(t) {
		r, _ := ruleOf(s.dir)
		if !r.pure || s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: a goroutine in a pure room", s.fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				if ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "NewTimer", "NewTicker", "AfterFunc"}, n.Sel.Name) {
					t.Errorf("%s: time.%s in a pure room", s.fset.Position(n.Pos()), n.Sel.Name)
				}
			}
			return true
		})
	}
}

// TestNames holds the glossary's walls: no package needs an alias, none is a drawer for everything.
func TestNames(t *testing.T) {
	for _, s := range sources(t) {
		name := strings.TrimSuffix(s.file.Name.Name, "_test")
		if slices.Contains(badNames, name) {
			t.Errorf("%s: package %s: the name is taken elsewhere or says nothing", s.path, name)
		}
		if name != "main" && name != filepath.Base(s.dir) && s.dir != s.path {
			t.Errorf("%s: package %s lives in folder %s", s.path, name, s.dir)
		}
	}
}

// TestNoInit holds house rule 10.
func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: func init: wire by constructor", s.fset.Position(f.Pos()))
			}
		}
	}
}

// TestSizes holds house rule 11. Tables of data and tests may be long; code may not.
func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		if n := bytes.Count(s.text, []byte("\n")); n > maxFileLines {
			t.Errorf("%s: %d lines: more than one idea", s.path, n)
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				if n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line; n > maxFunctionLines {
					t.Errorf("%s: %s has %d lines", s.fset.Position(f.Pos()), f.Name.Name, n)
				}
			}
		}
	}
}

// TestPackageComments holds house rule 1: each package says what it promises.
func TestPackageComments(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		documented[s.dir] = documented[s.dir] || s.file.Doc != nil
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no package comment", dir)
		}
	}
}

func TestGofmt(t *testing.T) {
	for _, s := range sources(t) {
		if out, err := format.Source(s.text); err != nil || !bytes.Equal(out, s.text) {
			t.Errorf("%s: not as gofmt writes it", s.path)
		}
	}
}

// TestTheTableBites shows that the checks can fail: each line is a sin that the table must refuse.
func TestTheTableBites(t *testing.T) {
	for _, sin := range []struct{ dir, imports string }{
		{"zrtp", "net"}, {"zrtp", "os"}, {"zrtp", "sotto/hal"}, {"codec/jitter", "sotto/zrtp"}, {"codec", "C"},
		{"firmware/call", "sotto/hal"}, {"firmware/media", "sotto/net/protect"}, {"net/protect", "sotto/zrtp"},
		{"net/protect", "github.com/emiago/sipgo"}, {"hal/alsa", "sotto/codec"}, {"firmware/ui", "sotto/firmware/media"},
		{"codec/ring", "github.com/hraban/opus"}, {"net/link", "github.com/cretz/bine/tor"}, {"firmware/vault", "sotto/zrtp"},
	} {
		r, ok := ruleOf(sin.dir)
		if !ok || refuse(r, source{dir: sin.dir, path: sin.dir + "/x.go"}, sin.imports) == "" {
			t.Errorf("%s may import %s: the table has a hole", sin.dir, sin.imports)
		}
	}
	if _, ok := ruleOf("helpers"); ok {
		t.Error("a room without a row is let in")
	}
}
