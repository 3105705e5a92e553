// Package reach lets two whole handsets call each other through servers that people have: kamailio as registrar and proxy,
// coturn as STUN and TURN server, all on loopback.
//
// The tests stand behind the build tag `interop`; `make test-packages` installs what they need. Nothing is skipped.
package reach
