/* lossy MODE PERCENT RUN: speech on standard input, 48 kHz mono s16, through an Opus encoder, a path that loses packets and
 * a decoder, to standard output. MODE is plc, fec or dred; PERCENT of the packets are lost, in runs of RUN on average
 * (Gilbert's model, seeded: every mode loses the same ones). The octets of a payload go to standard error.
 * What comes later is known LOOKAHEAD packets before: the delay that a jitter buffer would have.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <opus/opus.h>

enum { FRAME = 960, MOST = 1275, LOOKAHEAD = 10, PACKETS = 20000, BITRATE = 32000, COMPLEXITY = 5 };

static unsigned char packet[PACKETS][MOST];
static int length[PACKETS], lost[PACKETS];

static double chance(void)
{
	static uint64_t x = 88172645463325252u;
	x ^= x << 13, x ^= x >> 7, x ^= x << 17;
	return (double)(x >> 11) / 9007199254740992.0;
}

static void die(const char *what)
{
	fprintf(stderr, "lossy: %s\n", what);
	exit(2);
}

static int encode(const char *mode, int percent)
{
	int error, n = 0, longest = 0;
	int16_t pcm[FRAME];
	OpusEncoder *e = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &error);
	if (error != OPUS_OK)
		die("no encoder");
	opus_encoder_ctl(e, OPUS_SET_BITRATE(BITRATE));
	opus_encoder_ctl(e, OPUS_SET_VBR(0));
	opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(COMPLEXITY));
	if (strcmp(mode, "plc") != 0)
		opus_encoder_ctl(e, OPUS_SET_PACKET_LOSS_PERC(percent));
	if (strcmp(mode, "fec") == 0)
		opus_encoder_ctl(e, OPUS_SET_INBAND_FEC(1));
	if (strcmp(mode, "dred") == 0) {
#ifdef OPUS_SET_DRED_DURATION
		if (opus_encoder_ctl(e, OPUS_SET_DRED_DURATION(2 * LOOKAHEAD)) != OPUS_OK)
#endif
			die("this library has no DRED");
	}
	while (n < PACKETS && fread(pcm, sizeof pcm, 1, stdin) == 1) {
		if ((length[n] = opus_encode(e, pcm, FRAME, packet[n], MOST)) < 0)
			die("encode");
		if (length[n] > longest)
			longest = length[n];
		n++;
	}
	opus_encoder_destroy(e);
	fprintf(stderr, "%d\n", longest);
	return n;
}

int main(int argc, char **argv)
{
	int error, n, i, j;
	int16_t pcm[FRAME];
	if (argc != 4)
		die("usage: lossy plc|fec|dred PERCENT RUN");
	const char *mode = argv[1];
	double loss = atof(argv[2]) / 100, run = atof(argv[3]);
	n = encode(mode, atoi(argv[2]));
	for (i = 1; i < n; i++) { /* leave a lost run with 1/run, begin one so often that loss is the mean */
		double leave = 1 / run, begin = loss < 1 ? leave * loss / (1 - loss) : 1;
		lost[i] = run <= 1 ? chance() < loss : lost[i - 1] ? chance() >= leave : chance() < begin;
	}
	OpusDecoder *d = opus_decoder_create(48000, 1, &error);
	if (error != OPUS_OK)
		die("no decoder");
#ifdef OPUS_SET_DRED_DURATION
	opus_decoder_ctl(d, OPUS_SET_COMPLEXITY(COMPLEXITY)); /* from 5 on concealment is by the neural network */
	OpusDREDDecoder *dd = opus_dred_decoder_create(&error);
	OpusDRED *dred = opus_dred_alloc(&error);
#endif
	for (i = 0; i < n; i++) {
		int got = -1;
		for (j = i + 1; j < n && j <= i + LOOKAHEAD && lost[j]; j++)
			;
		int there = j < n && j <= i + LOOKAHEAD;
		if (!lost[i])
			got = opus_decode(d, packet[i], length[i], pcm, FRAME, 0);
		else if (strcmp(mode, "fec") == 0 && i + 1 < n && !lost[i + 1])
			got = opus_decode(d, packet[i + 1], length[i + 1], pcm, FRAME, 1);
#ifdef OPUS_SET_DRED_DURATION
		else if (strcmp(mode, "dred") == 0 && there) {
			int end = 0, have = opus_dred_parse(dd, dred, packet[j], length[j], LOOKAHEAD * FRAME, 48000, &end, 0);
			if (have >= (j - i) * FRAME)
				got = opus_decoder_dred_decode(d, dred, (j - i) * FRAME, pcm, FRAME);
		}
#endif
		(void)there;
		if (got < 0)
			got = opus_decode(d, NULL, 0, pcm, FRAME, 0);
		if (got != FRAME)
			die("decode");
		fwrite(pcm, sizeof pcm, 1, stdout);
	}
	return 0;
}
