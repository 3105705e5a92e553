package call

// Key is a key of the handset, in the order of hal.Key; KeyOffHook is the hook switch let go.
type Key uint8

// The keys. Key0+n is the digit n.
const (
	Key0 Key = iota
	Key1
	Key2
	Key3
	Key4
	Key5
	Key6
	Key7
	Key8
	Key9
	KeyStar
	KeyHash
	KeyCall
	KeyEnd
	KeyOK
	KeyUp
	KeyDown
	KeyLeft
	KeyRight
	KeySoftLeft
	KeySoftRight
	KeyOnHook
	KeyOffHook
)

// symbol is what a key of the dial pad types.
func (k Key) symbol() (rune, bool) {
	switch {
	case k <= Key9:
		return '0' + rune(k), true
	case k == KeyStar:
		return '*', true
	case k == KeyHash:
		return '#', true
	}
	return 0, false
}
