// Package wiretap is the wire between two handsets, made visible: a path that carries their datagrams over loopback
// addresses, spoils them by net/netem, and keeps what an eavesdropper would note. When asked it turns into an active man in
// the middle, who exchanges keys with either side by sotto/zrtp and hears the voice.
//
// It promises to show only what was really on the wire, and that the attacker uses nothing but what an attacker on the path
// has: the packets. It takes effect from the next call on, because nobody can get into a call whose keys are agreed. It is
// a part of the demonstration: nothing of the firmware imports it (tools/archtest), and it opens loopback addresses only.
// It cannot carry SIP over TCP, and one Path carries one call at a time.
//
// Each handset has a real address, and a face under which the other one sees it: the path is a one-to-one NAT that rewrites
// addresses of equal length, so that nothing else of a message changes.
//
//	Alice 127.1.0.1 --> 127.2.0.2 Bob's face  =[ wire ]=  Alice's face 127.2.0.1 --> 127.1.0.2 Bob
package wiretap
