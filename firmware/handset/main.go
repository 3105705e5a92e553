// Command handset is the device's one binary.
//
// As PID 1 it boots the board (firmware/boot); as a child of boot it is the link or the telephone. With --self-check it
// proves its parts without a board and ends. It decides nothing: it starts things.
package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"time"

	"sotto/board/boards"
	"sotto/firmware/boot"
	"sotto/firmware/call"
	"sotto/firmware/phone"
)

// Set by the linker: the time of the image in Unix seconds, from SOURCE_DATE_EPOCH, and the version of the change log.
var built, version string

func main() {
	boot.Main(boot.Config{Boards: boards.All(), Built: when(), Phone: runPhone, Keep: runKeeper})
	if len(os.Args) == 2 && os.Args[1] == "--self-check" {
		if err := phone.SelfCheck(); err != nil {
			fmt.Fprintln(os.Stderr, "handset:", err)
			os.Exit(1)
		}
		fmt.Println("handset: self-check passed")
		return
	}
	fmt.Fprintln(os.Stderr, "handset: this program starts as the first process of a board; try --self-check")
	os.Exit(2)
}

// when is the time of the image.
func when() time.Time {
	seconds, _ := strconv.ParseInt(built, 10, 64) // a program that was not built for an image is as old as Unix
	return time.Unix(seconds, 0)
}

// sipPort is where direct calls come in (RFC 3261, Section 19.1.2).
const sipPort = 5060

// runPhone is the telephone on a board.
func runPhone(ctx context.Context, env boot.Environment) error {
	parts, err := env.Board.Open()
	if err != nil {
		return fmt.Errorf("handset: %w", err)
	}
	defer parts.Close()
	var tor *phone.Onion
	if env.Onion.Dir != "" {
		env.Onion.Log = os.Stderr
		tor = &phone.Onion{Tor: env.Onion}
	}
	return phone.Run(ctx, phone.Config{
		Name: "sotto", Listen: netip.AddrPortFrom(netip.Addr{}, sipPort), State: env.State,
		Guide: true, Running: call.Running{Board: env.Board.Name, Version: version, Built: day(), Kernel: env.Kernel}, About: aboutOf(env), Link: phone.Link{Set: setLink(env), Join: join(env), Look: look(env)}, SetUp: env.SetUp, SetClock: env.SetClock, Floor: env.Built, Owners: owners(env.Board.Name, env.Keys),
		Onion: tor, Network: env.Network, Alive: env.Alive, Notices: append(env.Notices, parts.Missing...),
		Devices: phone.Devices{OpenPCM: parts.OpenPCM, OpenRinger: parts.OpenPCM, Keypad: parts.Keypad,
			Display: parts.Display, Lamp: parts.Lamp, Mixer: parts.Mixer},
	})
}
