package ui

import (
	_ "embed"
	"image"
	"strings"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"
)

// The one-bit display has a face of its own, drawn for it: pixels.txt holds a glyph a line, its rows from the cap height
// down (7 to the base line, 2 below). Accents are put together.

//go:embed pixels.txt
var pixelText string

//go:embed icons.txt
var iconText string

// rows7 is the height of capitals in pixels; accents take two more above, descenders two below.
const (
	rows7       = 7
	accentRows  = 2
	descentRows = 2
)

// bitmap is a small picture of set and unset pixels.
type bitmap struct {
	w    int
	rows []string // of '#' and '.'
	top  int      // of the first row, above the base line negative
}

// pixelGlyphs is the table of glyphs and pixelIcons that of signs, both made once.
var (
	pixelGlyphs = sync.OnceValue(loadGlyphs)
	pixelIcons  = sync.OnceValue(func() map[string]bitmap {
		return loadBitmaps(iconText)
	})
)

func loadBitmaps(text string) map[string]bitmap {
	all := map[string]bitmap{}
	for line := range strings.Lines(text) {
		name, drawing, _ := strings.Cut(strings.TrimSpace(line), " ")
		rows := strings.Split(drawing, "/")
		all[name] = bitmap{len(rows[0]), rows, -rows7}
	}
	return all
}

// composed letters: base, accent.
var composed = map[rune][2]string{
	'ä': {"a", "diaeresis"}, 'ö': {"o", "diaeresis"}, 'ü': {"u", "diaeresis"}, 'ë': {"e", "diaeresis"},
	'ï': {"ı", "diaeresis"}, 'à': {"a", "grave"}, 'è': {"e", "grave"}, 'ù': {"u", "grave"}, 'á': {"a", "acute"},
	'é': {"e", "acute"}, 'í': {"ı", "acute"}, 'ó': {"o", "acute"}, 'ú': {"u", "acute"}, 'â': {"a", "circumflex"},
	'ê': {"e", "circumflex"}, 'î': {"ı", "circumflex"}, 'ô': {"o", "circumflex"}, 'û': {"u", "circumflex"},
	'ñ': {"n", "tilde"}, 'Ä': {"A", "diaeresis"}, 'Ö': {"O", "diaeresis"}, 'Ü': {"U", "diaeresis"},
	'À': {"A", "grave"}, 'È': {"E", "grave"}, 'Á': {"A", "acute"}, 'É': {"E", "acute"}, 'Í': {"I", "acute"},
	'Ó': {"O", "acute"}, 'Ú': {"U", "acute"}, 'Ñ': {"N", "tilde"}, 'Ê': {"E", "circumflex"}, 'Â': {"A", "circumflex"},
	'Ô': {"O", "circumflex"},
}

func loadGlyphs() map[rune]bitmap {
	named := loadBitmaps(pixelText)
	glyphs := map[rune]bitmap{}
	for name, b := range named {
		if r := []rune(name); len(r) == 1 {
			glyphs[r[0]] = b
		}
	}
	glyphs[' '] = named["space"]
	dotless := glyphs['ı']
	dotless.top = -len(dotless.rows)
	glyphs['ı'] = dotless
	for r, c := range composed {
		glyphs[r] = accented(glyphs[[]rune(c[0])[0]], named[c[1]])
	}
	return glyphs
}

// accented puts an accent on a letter: into its two empty rows, or above a capital.
func accented(base, accent bitmap) bitmap {
	w := max(base.w, accent.w)
	pad := func(row string, by int) string {
		left := (w - by) / 2
		return strings.Repeat(".", left) + row + strings.Repeat(".", w-by-left)
	}
	rows := make([]string, 0, len(base.rows)+accentRows)
	for _, r := range accent.rows {
		rows = append(rows, pad(r, accent.w))
	}
	letter, top := base.rows, base.top-accentRows
	if base.top == -rows7 && strings.Trim(letter[0]+letter[1], ".") == "" {
		letter, top = letter[accentRows:], base.top
	}
	for _, r := range letter {
		rows = append(rows, pad(r, base.w))
	}
	return bitmap{w, rows, top}
}

// pixelFace is the face at a whole multiple of its size; bold doubles each pixel to the right.
type pixelFace struct {
	scale int
	bold  bool
}

func (f pixelFace) Close() error                     { return nil }
func (f pixelFace) Kern(_, _ rune) fixed.Int26_6     { return 0 }
func (f pixelFace) width(b bitmap) int               { return b.w + f.extra() }
func (f pixelFace) advance(b bitmap) fixed.Int26_6   { return fixed.I((f.width(b) + 1) * f.scale) }
func (f pixelFace) find(r rune) (b bitmap, had bool) { b, had = pixelGlyphs()[r]; return b, had }

func (f pixelFace) extra() int {
	if f.bold {
		return 1
	}
	return 0
}

// Metrics leaves room for accents on capitals only at the small size, where lines are close.
func (f pixelFace) Metrics() font.Metrics {
	return font.Metrics{Height: fixed.I((rows7 + descentRows + 1) * f.scale), Ascent: fixed.I((rows7) * f.scale),
		Descent: fixed.I(descentRows * f.scale), CapHeight: fixed.I(rows7 * f.scale), XHeight: fixed.I(5 * f.scale)}
}

// Glyph draws r with its origin at dot. A rune without a glyph is drawn as a question mark: nothing vanishes.
func (f pixelFace) Glyph(dot fixed.Point26_6, r rune) (image.Rectangle, image.Image, image.Point, fixed.Int26_6, bool) {
	b, ok := f.find(r)
	if !ok {
		b, _ = f.find('?')
	}
	mask := b.mask(f.scale, f.bold)
	at := image.Pt(dot.X.Round(), dot.Y.Round()+b.top*f.scale)
	return mask.Bounds().Add(at), mask, image.Point{}, f.advance(b), true
}

// GlyphBounds is where the pixels of r lie.
func (f pixelFace) GlyphBounds(r rune) (fixed.Rectangle26_6, fixed.Int26_6, bool) {
	b, ok := f.find(r)
	if !ok {
		b, _ = f.find('?')
	}
	return fixed.R(0, b.top*f.scale, f.width(b)*f.scale, (b.top+len(b.rows))*f.scale), f.advance(b), true
}

// GlyphAdvance is the width of r and of the gap after it.
func (f pixelFace) GlyphAdvance(r rune) (fixed.Int26_6, bool) {
	_, a, ok := f.GlyphBounds(r)
	return a, ok
}

// mask is the bitmap as an alpha mask.
func (b bitmap) mask(scale int, bold bool) *image.Alpha {
	w := b.w
	if bold {
		w++
	}
	m := image.NewAlpha(image.Rect(0, 0, w*scale, len(b.rows)*scale))
	for y := range m.Rect.Dy() {
		row := b.rows[y/scale]
		for x := range m.Rect.Dx() {
			c := x / scale
			set := c < b.w && row[c] == '#'
			if bold && !set && c > 0 && row[c-1] == '#' { // a gap of one pixel stays a gap
				set = c+1 >= b.w || row[c+1] != '#'
			}
			if set {
				m.Pix[y*m.Stride+x] = 0xff
			}
		}
	}
	return m
}
