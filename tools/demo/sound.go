package main

import (
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// soundFrame is what goes to the browser at a time: 20 ms of 48 kHz mono s16le.
const soundFrame = 1920

// carry joins a browser's microphone and ear, over a web socket, to a handset's sound socket.
func carry(w http.ResponseWriter, r *http.Request, socket string) {
	card, err := net.Dial("unix", socket)
	if err != nil {
		http.Error(w, "the handset has no sound", http.StatusBadGateway)
		return
	}
	defer card.Close()
	browser, _, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		return // it has answered
	}
	defer browser.Close()
	go func() {
		defer browser.Close()
		defer card.Close()
		frame := make([]byte, soundFrame)
		for {
			if _, err := io.ReadFull(card, frame); err != nil {
				return
			}
			browser.SetWriteDeadline(time.Now().Add(5 * time.Second))
			if wsutil.WriteServerBinary(browser, frame) != nil {
				return
			}
		}
	}()
	for {
		data, op, err := wsutil.ReadClientData(browser)
		if err != nil {
			return
		}
		if op == ws.OpBinary && len(data)%2 == 0 {
			if _, err := card.Write(data); err != nil {
				return
			}
		}
	}
}
