// Package messages keeps the texts between this handset and others: threads, what waits to be sent, receipts, and when a
// text disappears. Every text is sealed by zrtp/ratchet under keys from a call; a thread belongs to a device (a ZID), not to
// an address or a name.
//
// It promises that the state is on the medium before a packet is given out or a text is shown, so that a crash loses nothing
// silently and a key is used once; that a text is shown once however often it comes; that what waits, what is kept and what
// is tried again is bounded; and that every text ends as delivered or as failed with a cause. It sends nothing itself and
// never looks at a clock. It cannot tell who sent a packet but by its keys: addresses are not looked at.
package messages
