package ui

import (
	"fmt"
	"strings"

	"sotto/firmware/call"
)

// kind is what a block is.
type kind uint8

const (
	kindText  kind = iota
	kindSpace      // takes what is left over
	kindCode       // boxes with the code
	kindRows       // a list
	kindLines      // text to be read, longer than the screen perhaps
	kindInput      // a line that is being typed
	kindSign       // a large sign
	kindFace       // the first letter of a name in a ring
	kindBusy       // something is under way
	kindQR         // a code for another device's camera
)

// block is one thing on a screen. Blocks stand below each other.
type block struct {
	kind   kind
	text   string
	style  style
	role   role
	lines  int  // at most; 0: one
	theirs bool // somebody else wrote it: an ellipsis may shorten it
	minor  int  // dropped where there is no room, the highest first; 0: never
	sign   sign
	code   *call.Code
	rows   []call.Row
	texts  []string
	at     int // selected row, or first line
	mode   string
}

// bar is the line at the top: a sign, a word, and the time.
type bar struct {
	sign  sign
	text  string
	role  role
	right string
	signs []sign // small, at the right
	plain bool   // without a ground on the small display
}

// screen is what is shown, before it is laid out.
type screen struct {
	bar         bar
	flood       role // the ground of an alarm
	blocks      []block
	left, right string
	lamp        bool
}

// compose describes the screen of a snapshot.
func compose(s *call.Snapshot) screen {
	w := words(s.Settings.Language)
	sc := screen{left: w.of(s.Left), right: w.of(s.Right), lamp: s.Lamp}
	draw := [...]func(*screen, *call.Snapshot, vocabulary){
		call.Idle: idleScreen, call.Dialling: diallingScreen, call.Calling: callingScreen, call.Incoming: incomingScreen,
		call.GoingSecure: goingSecureScreen, call.Talking: talkingScreen, call.Verifying: verifyingScreen,
		call.Alarm: alarmScreen, call.Ended: endedScreen, call.Listing: listingScreen, call.Reading: readingScreen,
		call.Entering: enteringScreen, call.Closed: closedScreen, call.Waiting: waitingScreen,
		call.ToServer: toServerScreen}
	draw[s.State](&sc, s, w)
	return sc
}

func (sc *screen) add(b ...block) { sc.blocks = append(sc.blocks, b...) }

func space() block { return block{kind: kindSpace} }

// body and small are lines of ours; name is somebody's.
func body(s string) block { return block{text: s, style: styleBody, lines: 3} }
func small(s string, minor int) block {
	return block{text: s, style: styleSmall, role: roleMuted, lines: 2, minor: minor}
}
func name(s string) block { return block{text: s, style: styleTitle, theirs: true} }

func (b block) in(r role) block { b.role = r; return b }

// clock is the time of day, when it is known.
func clock(s *call.Snapshot) string {
	if s.Now.IsZero() || s.Now.Year() < 2020 {
		return ""
	}
	return s.Now.Format(call.ClockLayout(s.Settings.Hours12))
}

// notice is the line that says how something went.
func (sc *screen) notice(s *call.Snapshot, w vocabulary, r role) bool {
	if s.Notice == "" {
		return false
	}
	sc.add(body(w.with(s.Notice, s.NoticeArg)).in(r))
	return true
}

func idleScreen(sc *screen, s *call.Snapshot, w vocabulary) {
	sc.bar = bar{text: w.of(networkLabel(s.Network)), sign: networkSign(s.Network), plain: true}
	if !s.Network.Up || !s.Network.Registered {
		sc.bar.role, sc.bar.plain = roleWarn, false
	}
	if s.Settings.Silent {
		sc.bar.signs = append(sc.bar.signs, signQuiet)
	}
	if s.Mailbox.Waiting {
		sc.bar.signs = append(sc.bar.signs, signMail)
	}
	if s.Battery >= 0 {
		sc.bar.right = fmt.Sprintf("%d%%", s.Battery)
	}
	sc.add(space())
	if c := clock(s); c != "" {
		sc.add(block{text: c, style: styleClock}, small(w.date(s.Now), 2))
	}
	sc.add(space(), block{text: s.Own, style: styleBody, theirs: true, minor: 1})
	switch {
	case sc.notice(s, w, roleText):
	case s.Trouble:
		sc.add(block{text: w.with("trouble", w.of("about")), style: styleBody, role: roleWarn, sign: signWarn})
	case s.Network.Up && !s.Network.Registered && s.Network.Why != "":
		sc.add(block{text: w.of(call.Label("cause." + string(s.Network.Why))), style: styleBody, role: roleWarn, lines: 2, sign: signWarn})
	case !s.Network.Up && s.Network.Trouble != "":
		sc.add(block{text: w.with("wifi.trouble", w.of(s.Network.Trouble)), style: styleBody, role: roleWarn, lines: 2, sign: signWarn})
	case s.Missed > 0:
		sc.add(block{text: w.with(missedLabel(s.Missed), fmt.Sprint(s.Missed)), style: styleBody, role: roleWarn, sign: signMissed})
	case s.Mailbox.Waiting:
		sc.add(block{text: w.with(mailboxLabel(s.Mailbox.New), fmt.Sprint(s.Mailbox.New)), style: styleBody, role: roleBusy, sign: signMail})
	}
	sc.add(space())
}

func missedLabel(n int) call.Label {
	if n == 1 {
		return "missed.one"
	}
	return "missed.many"
}

func mailboxLabel(n int) call.Label {
	switch n {
	case 0: // the server does not count
		return "mailbox.some"
	case 1:
		return "mailbox.one"
	}
	return "mailbox.many"
}

func networkLabel(n call.Network) call.Label {
	switch {
	case !n.Up:
		return "net.none"
	case !n.Registered:
		return "net.account"
	case n.Route == "tor":
		return "net.tor"
	case n.Route == "relay":
		return "net.relay"
	}
	return "net.ready"
}

func networkSign(n call.Network) sign {
	if !n.Up || !n.Registered {
		return signCross
	}
	return signOn
}

// peer shows who is at the other end.
func (sc *screen) peer(v *call.View, ring role) {
	shown := shownName(v)
	sc.add(block{kind: kindFace, text: strings.Trim(shown, "“”"), role: ring, minor: 4}, name(shown))
	if clean(v.Peer.Name) != "" && v.Peer.Address != "" {
		sc.add(block{text: plain(v.Peer.Address), style: styleSmall, role: roleMuted, theirs: true, minor: 5})
	}
}

// shownName is the name of the peer. What somebody only calls itself stands in quotes: nobody can borrow a contact's name.
func shownName(v *call.View) string {
	if name := clean(v.Peer.Name); v.Claimed && name != "" {
		return "“" + strings.Trim(name, "“”\"„«»") + "”"
	}
	return display(v.Peer)
}

func display(p call.Party) string {
	if name := clean(p.Name); name != "" {
		return name
	}
	return plain(p.Address)
}

func plain(address string) string {
	return strings.TrimPrefix(strings.TrimPrefix(clean(address), "sips:"), "sip:")
}

func callingScreen(sc *screen, s *call.Snapshot, w vocabulary) {
	v := &s.Call
	sc.bar = bar{text: w.of("bar.calling"), role: roleBusy, sign: signOut}
	hint := w.of("connecting")
	if v.Ringing {
		sc.bar.text, hint = w.of("bar.ringing"), w.of("rings")
	}
	sc.add(space())
	sc.peer(v, roleBusy)
	sc.add(space(), block{kind: kindBusy, role: roleBusy, minor: 6}, body(hint).in(roleMuted))
}

func incomingScreen(sc *screen, s *call.Snapshot, w vocabulary) {
	v := &s.Call
	sc.bar = bar{text: w.of("bar.incoming"), role: roleBusy, sign: signIn}
	sc.add(space())
	sc.peer(v, roleBusy)
	sc.add(space())
	if v.Connecting {
		sc.add(block{kind: kindBusy, role: roleBusy, minor: 6}, body(w.of("connecting")).in(roleMuted))
	} else {
		sc.add(body(w.of("calls.you")).in(roleMuted))
		if v.ServerOnly {
			sc.add(block{text: w.of("server.only"), style: styleBody, role: roleMuted, sign: signNoLock})
		}
	}
}

// waitingScreen shows who calls while somebody else is on the line.
func waitingScreen(sc *screen, s *call.Snapshot, w vocabulary) {
	sc.bar = bar{text: w.of("bar.waiting"), role: roleBusy, sign: signIn}
	sc.add(space())
	sc.peer(&s.Call, roleBusy)
	sc.add(space(), body(w.of("calls.you")).in(roleMuted), small(w.with("wait.hold", shownName(&s.Other)), 3))
}

func goingSecureScreen(sc *screen, s *call.Snapshot, w vocabulary) {
	sc.bar = bar{text: w.of("bar.going"), role: roleBusy, sign: signDots, signs: []sign{signNoMic}}
	sc.add(space())
	sc.peer(&s.Call, roleBusy)
	sc.add(space(), block{kind: kindBusy, role: roleBusy, minor: 6},
		block{text: w.of("mic.off"), style: styleBody, role: roleMuted, lines: 2, sign: signNoMic})
}

// secureBar is the state line of a call whose keys are agreed.
func secureBar(s *call.Snapshot, w vocabulary) bar {
	v := &s.Call
	b := bar{right: call.Clock(v.Elapsed), sign: signAsk, text: w.of("bar.ask"), role: roleWarn}
	switch {
	case v.Alarm != call.NoAlarm:
		b = alarmBar(v.Alarm, w)
	case v.Held:
		b.sign, b.text, b.role = signPause, w.of("bar.held"), roleBusy
	case v.Plus:
		b.sign, b.text, b.role = signShield, w.of("bar.plus"), roleGood
	case v.Trust == call.Verified || v.Trust == call.Checked:
		b.sign, b.text, b.role = signShield, w.of("bar.secure"), roleGood
	}
	if v.Muted {
		b.signs = append(b.signs, signNoMic)
	}
	if v.Speaker {
		b.signs = append(b.signs, signLoud)
	}
	return b
}

func talkingScreen(sc *screen, s *call.Snapshot, w vocabulary) {
	v := &s.Call
	sc.bar = secureBar(s, w)
	if s.Second {
		defer func() { sc.add(small(w.with("other.held", shownName(&s.Other)), 1)) }()
	}
	if v.Held {
		sc.add(space())
		sc.peer(v, roleBusy)
		sc.add(space())
		if !sc.notice(s, w, roleWarn) {
			sc.add(block{text: w.of("hold.hint"), style: styleBody, role: roleMuted, lines: 2, sign: signPause})
		}
		return
	}
	if v.Trust == call.Checked || v.Trust == call.Verified {
		sc.add(space())
		sc.peer(v, roleGood)
		sc.add(space())
	} else {
		who := name(shownName(v))
		who.minor = 1
		sc.add(who, space(), block{kind: kindCode, code: &v.Code}, space())
	}
	switch {
	case sc.notice(s, w, roleGood):
	case v.HeldThere:
		sc.add(block{text: w.of("held.there"), style: styleBody, role: roleBusy, lines: 2, sign: signPause})
	case v.Alert != "":
		why := w.maybe(call.Label("alert." + v.Alert))
		if why == "" {
			why = w.of("alert")
		}
		sc.add(block{text: why, style: styleBody, role: roleWarn, lines: 2, sign: signWarn})
	case v.Disclosure:
		sc.add(block{text: w.of("disclosure"), style: styleBody, role: roleWarn, lines: 2, sign: signWarn})
	case v.Muted:
		sc.add(block{text: w.of("muted"), style: styleBody, role: roleWarn, sign: signNoMic})
	case v.Trust == call.Checked || v.Trust == call.Verified:
		sc.add(block{text: w.of(trustLabels[v.Trust]), style: styleBody, role: roleGood, lines: 2, sign: signShield})
		sc.add(small(w.with("code.is", v.Code.Whole), 3))
	case v.Code.Whole != "":
		sc.add(body(w.of("whole.hint")).in(roleMuted))
	default:
		sc.add(body(w.of("say.type")).in(roleText), small(w.of(trustLabels[v.Trust]), 2))
	}
}

var trustLabels = [...]call.Label{"trust.unknown", "trust.first", "trust.known", "trust.checked", "trust.verified", "trust.broken", "trust.server"}

func verifyingScreen(sc *screen, s *call.Snapshot, w vocabulary) {
	v := &s.Call
	sc.bar = secureBar(s, w)
	sc.add(block{text: w.with("say", spoken(v.Code.Own)), style: styleTitle, lines: 1}, space(),
		block{kind: kindCode, code: &v.Code, mode: "typing"}, space())
	if !sc.notice(s, w, roleWarn) {
		sc.add(body(w.of("type")).in(roleText))
	}
}

// spoken sets the symbols of a half apart, so that they are read one by one.
func spoken(half string) string {
	if len(half) > 2 {
		return half
	}
	return strings.Join(strings.Split(half, ""), " ")
}

func alarmBar(k call.AlarmKind, w vocabulary) bar {
	l := [...]call.Label{call.KeyChanged: "bar.changed", call.OtherDevice: "bar.device", call.OtherPerson: "bar.person",
		call.Listened: "bar.listened"}[k]
	return bar{text: w.of(l), role: roleBad, sign: signWarn, signs: nil}
}

func alarmScreen(sc *screen, s *call.Snapshot, w vocabulary) {
	v := &s.Call
	sc.bar, sc.flood = alarmBar(v.Alarm, w), roleBad
	why := [...]call.Label{call.KeyChanged: "why.changed", call.OtherDevice: "why.device", call.OtherPerson: "why.person",
		call.Listened: "why.listened"}[v.Alarm]
	who := shownName(v)
	if v.Alarm == call.OtherPerson {
		who = v.AlarmName
	}
	peer := name(shownName(v))
	peer.minor = 1
	sc.add(block{kind: kindSign, sign: signWarn, role: roleText, minor: 3}, peer, space(),
		block{text: w.with(why, who), style: styleBody, lines: 5}, space(),
		block{text: w.of("muted"), style: styleBody, sign: signNoMic, minor: 2})
}

func endedScreen(sc *screen, s *call.Snapshot, w vocabulary) {
	v := &s.Call
	sc.bar = bar{text: w.of("bar.ended"), sign: signDown, right: clock(s)}
	if v.Elapsed > 0 {
		sc.bar.right = call.Clock(v.Elapsed)
	}
	r, why := roleMuted, w.maybe(call.Label("why."+string(v.Cause)))
	switch {
	case v.Cause == call.CodeDiffers || v.Cause == call.KeyRefused || v.Cause == call.KeyFailed:
		sc.bar.role, sc.bar.sign, r = roleBad, signWarn, roleText
	case v.Cause == call.CannotEncrypt:
		sc.bar = bar{text: w.of("bar.refused"), sign: signNoLock, role: roleBad}
		r = roleText
	case !v.Outgoing && v.Elapsed == 0 && v.Cause != call.Declined && v.Cause != call.Busy && v.Cause != call.HungUp && v.Cause != call.PeerHungUp:
		sc.bar = bar{text: w.of("bar.missed"), sign: signMissed, role: roleWarn, right: clock(s)}
	}
	sc.add(space())
	sc.peer(v, roleMuted)
	sc.add(space(), block{text: w.of(call.Label("cause." + string(v.Cause))), style: styleBody, lines: 2, role: roleText})
	if why != "" {
		sc.add(block{text: why, style: styleSmall, role: r, lines: 3, minor: 3})
	}
	if v.Elapsed > 0 {
		sc.add(small(w.of(trustLabels[v.Trust]), 2))
	}
}
