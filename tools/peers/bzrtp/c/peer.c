/* One ZRTP exchange by libbzrtp over UDP on the loopback, for the interoperability test in the folder above.
 *
 * usage: peer BINDPORT PEERPORT [ka=X255,DH3k] [hash=S384] [cipher=AES3] [auth=HS80] [sas=B32] [aux=HEX] [cache=FILE]
 *        [hash-of-peer=HEX] [channels=N] [verify=1] [timeout=SECONDS]
 * Channel n uses the ports + 2n. Prints one JSON object a channel when it is secure and exits 0 when all are, else 1.
 * libsqlite3's own header is not needed: libbzrtp takes its handle as a void pointer.
 */
#include <arpa/inet.h>
#include <bctoolbox/crypto.h>
#include <bzrtp/bzrtp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

extern int sqlite3_open(const char *path, void **db);
extern int sqlite3_close(void *db);

enum { MAX_CHANNELS = 8, LINGER_MS = 500 };

struct channel {
	bzrtpContext_t *zrtp;
	uint32_t ssrc;
	int sock, secure, number;
	struct sockaddr_in peer;
	uint8_t exported[64];
	size_t exported_size;
};

static struct channel channels[MAX_CHANNELS];

static const struct {
	const char *name;
	uint8_t type, code;
} algorithms[] = {
	{"S256", ZRTP_HASH_TYPE, ZRTP_HASH_S256}, {"S384", ZRTP_HASH_TYPE, ZRTP_HASH_S384},
	{"AES1", ZRTP_CIPHERBLOCK_TYPE, ZRTP_CIPHER_AES1}, {"AES3", ZRTP_CIPHERBLOCK_TYPE, ZRTP_CIPHER_AES3},
	{"HS32", ZRTP_AUTHTAG_TYPE, ZRTP_AUTHTAG_HS32}, {"HS80", ZRTP_AUTHTAG_TYPE, ZRTP_AUTHTAG_HS80},
	{"DH2k", ZRTP_KEYAGREEMENT_TYPE, ZRTP_KEYAGREEMENT_DH2k}, {"X255", ZRTP_KEYAGREEMENT_TYPE, ZRTP_KEYAGREEMENT_X255},
	{"X448", ZRTP_KEYAGREEMENT_TYPE, ZRTP_KEYAGREEMENT_X448}, {"DH3k", ZRTP_KEYAGREEMENT_TYPE, ZRTP_KEYAGREEMENT_DH3k},
	{"Mult", ZRTP_KEYAGREEMENT_TYPE, ZRTP_KEYAGREEMENT_Mult},
	{"B32", ZRTP_SAS_TYPE, ZRTP_SAS_B32}, {"B256", ZRTP_SAS_TYPE, ZRTP_SAS_B256},
};

static const char *name_of(uint8_t code) {
	for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
		if (algorithms[i].code == code) return algorithms[i].name;
	return "?";
}

static uint64_t now_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int send_data(void *client, const uint8_t *packet, uint16_t length) {
	struct channel *c = client;
	sendto(c->sock, packet, length, 0, (struct sockaddr *)&c->peer, sizeof c->peer);
	return 0;
}

static void print_hex(const char *key, const uint8_t *b, size_t n) {
	printf(",\"%s\":\"", key);
	for (size_t i = 0; i < n; i++) printf("%02x", b[i]);
	printf("\"");
}

static int have_secrets(void *client, const bzrtpSrtpSecrets_t *s, uint8_t part) {
	(void)client, (void)s, (void)part;
	return 0;
}

static int start_srtp(void *client, const bzrtpSrtpSecrets_t *s, int32_t verified) {
	struct channel *c = client;
	c->secure = 1;
	printf("{\"channel\":%d,\"sas\":\"%s\",\"ka\":\"%s\",\"hash\":\"%s\",\"cipher\":\"%s\",\"auth\":\"%s\",\"verified\":%s,"
	       "\"cachemismatch\":%s,\"aux\":%d", c->number, s->sas ? s->sas : "", name_of(s->keyAgreementAlgo),
	       name_of(s->hashAlgo), name_of(s->cipherAlgo), name_of(s->authTagAlgo), verified ? "true" : "false",
	       s->cacheMismatch ? "true" : "false", s->auxSecretMismatch);
	print_hex("selfkey", s->selfSrtpKey, s->selfSrtpKeyLength);
	print_hex("selfsalt", s->selfSrtpSalt, s->selfSrtpSaltLength);
	print_hex("peerkey", s->peerSrtpKey, s->peerSrtpKeyLength);
	print_hex("peersalt", s->peerSrtpSalt, s->peerSrtpSaltLength);
	print_hex("exported", c->exported, c->exported_size);
	printf("}\n");
	fflush(stdout);
	return 0;
}

/* Only in this callback are exported keys to be had. */
static int exported_ready(void *client, int zuid, uint8_t role) {
	struct channel *c = client;
	char label[] = "sotto interop";
	(void)zuid, (void)role;
	c->exported_size = 32;
	if (bzrtp_exportKey(c->zrtp, label, strlen(label), c->exported, &c->exported_size) != 0) c->exported_size = 0;
	return 0;
}

static void choose(bzrtpContext_t *z, uint8_t type, char *list) {
	uint8_t codes[7], n = 0;
	for (char *w = strtok(list, ","); w && n < 7; w = strtok(NULL, ","))
		for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
			if (algorithms[i].type == type && strcmp(algorithms[i].name, w) == 0) codes[n++] = algorithms[i].code;
	bzrtp_setSupportedCryptoTypes(z, type, codes, n);
}

static size_t unhex(const char *s, uint8_t *out, size_t max) {
	size_t n = 0;
	unsigned v;
	while (n < max && sscanf(s + 2 * n, "%2x", &v) == 1) out[n++] = (uint8_t)v;
	return n;
}

static int open_socket(int port) {
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
	                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof a) != 0) {
		perror("peer");
		exit(2);
	}
	return s;
}

static const char *option(int argc, char **argv, const char *key) {
	size_t n = strlen(key);
	for (int i = 3; i < argc; i++)
		if (strncmp(argv[i], key, n) == 0 && argv[i][n] == '=') return argv[i] + n + 1;
	return NULL;
}

static void configure(bzrtpContext_t *z, int argc, char **argv) {
	static const struct {
		const char *key;
		uint8_t type;
	} lists[] = {{"ka", ZRTP_KEYAGREEMENT_TYPE}, {"hash", ZRTP_HASH_TYPE}, {"cipher", ZRTP_CIPHERBLOCK_TYPE},
	             {"auth", ZRTP_AUTHTAG_TYPE}, {"sas", ZRTP_SAS_TYPE}};
	const char *v;
	char copy[64];
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if ((v = option(argc, argv, lists[i].key))) {
			snprintf(copy, sizeof copy, "%s", v);
			choose(z, lists[i].type, copy);
		}
}

static int all_secure(int n) {
	for (int i = 0; i < n; i++)
		if (!channels[i].secure) return 0;
	return 1;
}

/* start_more starts the further channels once the first is secure. */
static void start_more(bzrtpContext_t *z, int n, uint64_t now) {
	for (int i = 1; i < n; i++) {
		bzrtp_addChannel(z, channels[i].ssrc);
		bzrtp_setClientData(z, channels[i].ssrc, &channels[i]);
		bzrtp_startChannelEngine(z, channels[i].ssrc);
		bzrtp_iterate(z, channels[i].ssrc, now);
	}
}

int main(int argc, char **argv) {
	if (argc < 3) return 2;
	const char *v;
	int n = (v = option(argc, argv, "channels")) ? atoi(v) : 1;
	uint64_t end = now_ms() + 1000 * (uint64_t)((v = option(argc, argv, "timeout")) ? atoi(v) : 10), done = 0;
	if (n < 1 || n > MAX_CHANNELS) return 2;
	void *db = NULL;
	bzrtpContext_t *z = bzrtp_createBzrtpContext();
	bzrtpCallbacks_t callbacks = {.bzrtp_sendData = send_data, .bzrtp_srtpSecretsAvailable = have_secrets,
	                              .bzrtp_startSrtpSession = start_srtp, .bzrtp_contextReadyForExportedKeys = exported_ready};
	bzrtp_setCallbacks(z, &callbacks);
	if ((v = option(argc, argv, "cache"))) {
		if (sqlite3_open(v, &db) != 0) return 2;
		bzrtp_setZIDCache_lock(z, db, "sip:self@example.test", "sip:peer@example.test", NULL);
	}
	configure(z, argc, argv);
	for (int i = 0; i < n; i++)
		channels[i] = (struct channel){.zrtp = z, .ssrc = 0x42000000u + (uint32_t)i, .number = i,
			.sock = open_socket(atoi(argv[1]) + 2 * i),
			.peer = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(atoi(argv[2]) + 2 * i)),
			         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
	bzrtp_initBzrtpContext(z, channels[0].ssrc);
	bzrtp_setClientData(z, channels[0].ssrc, &channels[0]);
	uint8_t aux[64];
	if ((v = option(argc, argv, "aux")) && bzrtp_setAuxiliarySharedSecret(z, aux, unhex(v, aux, sizeof aux)) != 0) return 2;
	if ((v = option(argc, argv, "hash-of-peer")))
		bzrtp_setPeerHelloHash(z, channels[0].ssrc, (uint8_t *)v, strlen(v));
	bzrtp_startChannelEngine(z, channels[0].ssrc);
	int started = 1;
	while (now_ms() < end && (!done || now_ms() < done + LINGER_MS)) {
		struct pollfd p[MAX_CHANNELS];
		for (int i = 0; i < n; i++) p[i] = (struct pollfd){.fd = channels[i].sock, .events = POLLIN};
		poll(p, (nfds_t)n, 5);
		for (int i = 0; i < started; i++) {
			uint8_t buf[4096];
			ssize_t len;
			while ((len = recv(channels[i].sock, buf, sizeof buf, MSG_DONTWAIT)) > 0)
				bzrtp_processMessage(z, channels[i].ssrc, buf, (uint16_t)len);
			bzrtp_iterate(z, channels[i].ssrc, now_ms());
		}
		if (started < n && channels[0].secure) {
			start_more(z, n, now_ms());
			started = n;
		}
		if (!done && all_secure(n)) {
			done = now_ms();
			if (option(argc, argv, "verify")) bzrtp_SASVerified(z);
		}
	}
	if (db) sqlite3_close(db);
	return all_secure(n) ? 0 : 1;
}
