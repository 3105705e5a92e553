//go:build interop

package servers

import (
	"bytes"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"sotto/net/signaling"
)

// sipp calls us: its own scenario offers PCMU, which we have not, so the scenario here offers Opus and waits for the 200.
const scenario = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="opus">
<send retrans="500"><![CDATA[
INVITE sip:bob@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: sipp <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: bob <sip:bob@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 6000 RTP/AVP 96
a=rtpmap:96 opus/48000/2
]]></send>
<recv response="100" optional="true"></recv>
<recv response="180" optional="true"></recv>
<recv response="200" rtd="true"></recv>
<send><![CDATA[
ACK sip:bob@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: sipp <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: bob <sip:bob@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<pause milliseconds="20"/>
<send retrans="500"><![CDATA[
BYE sip:bob@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: sipp <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: bob <sip:bob@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"></recv>
</scenario>
`

func TestCallsOfSipp(t *testing.T) {
	for _, transport := range []string{"u1", "t1"} {
		t.Run(transport, func(t *testing.T) {
			bob := newPhone(t, "bob")
			answered, ended := 0, 0
			done := make(chan struct{})
			go func() {
				defer close(done)
				for e := range bob.Events() {
					switch e := e.(type) {
					case signaling.Incoming:
						go bob.Answer(e.Call, describe(5000))
					case signaling.Answered:
						answered++
					case signaling.Ended:
						if e.Cause == signaling.PeerHungUp {
							ended++
						}
					}
				}
			}()
			dir := t.TempDir()
			write(t, dir+"/opus.xml", []byte(scenario))
			const calls = 1000
			cmd := exec.Command("sipp", bob.Addr().String(), "-sf", dir+"/opus.xml", "-m", fmt.Sprint(calls), "-r", "50", "-l", "4",
				"-i", "127.0.0.1", "-p", fmt.Sprint(freePort(t)), "-t", transport, "-nostdin", "-timeout", "60s", "-timeout_error")
			cmd.Dir = dir
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			err := cmd.Run()
			time.Sleep(100 * time.Millisecond)
			bob.Close()
			<-done
			if err != nil || answered != calls || ended != calls {
				text := out.String()
				t.Errorf("sipp: %v; %d answered, %d ended of %d\n%s", err, answered, ended, calls, text[max(0, len(text)-3000):])
			}
			if m := regexp.MustCompile(`Failed call\s*\|\s*\d+\s*\|\s*(\d+)`).FindAllStringSubmatch(out.String(), -1); len(m) > 0 && m[len(m)-1][1] != "0" {
				t.Errorf("%s calls failed", strings.TrimSpace(m[len(m)-1][1]))
			}
		})
	}
}
