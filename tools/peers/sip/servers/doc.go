// Package servers proves the signaling against real servers and telephones: kamailio as registrar and proxy, linphonec as
// a stranger's telephone, sipp as a load. Its tests stand behind the build tag `interop`, and those of natlab beside it:
// they want root and the packages kamailio, kamailio-tls-modules, coturn, linphone-cli, sip-tester and iproute2, and
// nothing from the network: everything runs on loopback or in namespaces that are called nt*. What is missing is a
// failure, never a skip.
//
// It cannot test media: tools/peers/linphone does.
package servers
