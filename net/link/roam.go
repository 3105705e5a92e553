package link

// Air is what the radio has to tell. The zero Air is a telephone without one.
type Air struct {
	Radio   bool // there is one
	Joined  bool
	Trouble Trouble
}

// Trouble is why the radio has not joined the network that it should.
type Trouble string

// Troubles of a radio.
const (
	WrongPassword Trouble = "wrong password"
	OutOfReach    Trouble = "out of reach"
	RadioFailed   Trouble = "radio failed"
)
