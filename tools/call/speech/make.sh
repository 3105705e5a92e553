#!/bin/sh
# make.sh: speaks the two clips of the simulated call again (espeak-ng, sox). The clips are kept in the repository so
# that every run measures the same speech.
set -eu
cd "$(dirname "$0")"
../../setup/ensure.sh espeak-ng sox
say() { # FILE VOICE PITCH TEXT
	espeak-ng -v "$2" -p "$3" -s 150 -w "$1.tmp.wav" "$4"
	sox -R "$1.tmp.wav" -r 16000 -c 1 -b 16 "$1" norm -6 pad 0.3 0.3
	rm "$1.tmp.wav"
}
say alice.wav en-gb 60 "Good morning. This is the kitchen calling. The bread is out of the oven, the kettle is on, and there are
four chairs at the table. Bring the small blue jug when you come, and please tell the others that we start at a quarter past eight.
I will read the code on my screen now, and you read me yours. If a single letter is different, hang up at once."
say bob.wav en-us 35 "Hello kitchen, this is the workshop. I hear you loud and clear. The jug is on the shelf behind the door, so I
shall carry it over. Somebody has to feed the chickens first, that will take ten minutes at the most. My screen shows a code as
well, and I have a pencil in my hand. Read slowly, one letter after the other, and I shall do the same."
