// Package hostile lets two whole handsets call each other through a registrar and proxy that wants to listen, and through
// nobody else. It sees their dialogs, and so it can rewrite and drop what they say, put requests into a call with the right
// tags, answer in the other's name and send their media to itself.
//
// It promises that each attack is known to have happened: what was changed is counted, and what was asked has a status. It
// plays no man in the middle of ZRTP: tools/wiretap does, and the compared code gives that one away. The tests stand behind the
// build tag `interop`; they run on loopback addresses, and want root, tcpdump and iproute2.
package hostile
