// Package ratchet is the Double Ratchet with header encryption (the public specification of Perrin and Marlinspike,
// revision 1, Sections 3 and 4), begun from a secret that two devices agreed in a ZRTP call (RFC 6189, Section 4.5.2).
//
// It promises encryption and authentication between the two who have the seed, and that both can be denied: there is no
// signature, and either end could have made every packet. A key is used once and then wiped, so that what is seen of the
// state later opens nothing that came before; a Diffie-Hellman of fresh keys in every round heals the state after a theft.
// Nothing in a packet is in clear: no counter, no key, no name. Packets may be lost, swapped and doubled. What is forged
// or came before changes nothing. It never stores, sends or looks at a clock; who calls Seal or Open commits the state
// before the packet leaves or the text is shown.
//
// It cannot hide that a packet was sent, nor its length: who calls it pads. It does not resist a quantum computer by
// itself: the seed does, when the call was hybrid, until the first round heals with X25519 alone.
package ratchet
