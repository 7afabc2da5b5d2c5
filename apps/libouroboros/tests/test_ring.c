/* The rings alone: one thread, both ends mapped, and the shared words written on by hand. */
#include "ring_private.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES 4096u
#define MTU 1000u

static struct ouro_ring a, b;
static uint8_t packet[65536];

static void setup(uint32_t bytes, uint32_t mtu)
{
        struct flow_fds fds = make_flow_fds(bytes, mtu);
        if (ouro_ring_attach(&a, fds.memfd, 0) < 0 || ouro_ring_attach(&b, fds.memfd, 1) < 0)
                abort();
        close(fds.memfd);
        close(fds.bells[0]);
        close(fds.bells[1]);
}

static void teardown(void)
{
        ouro_ring_detach(&a);
        ouro_ring_detach(&b);
}

static int put(uint32_t len, uint32_t seed)
{
        fill(packet, len, seed);
        return ouro_ring_put(&a, packet, len);
}

/* Length of the packet taken, or the error; -1 when its contents are wrong. */
static int take(uint32_t seed)
{
        const uint8_t *p;
        uint32_t len;
        int found = ouro_ring_peek(&b, &p, &len);
        if (found <= 0) return found == 0 ? -EAGAIN : found;
        bool right = filled(p, len, seed);
        ouro_ring_consume(&b);
        return right ? (int)len : -1;
}

static void packets_keep_order_and_boundaries(void)
{
        setup(BYTES, MTU);
        EQUAL(put(1, 1), 0);
        EQUAL(put(8, 2), 0);
        EQUAL(put(MTU, 3), 0);
        EQUAL(ouro_ring_count_rx(&b), 3);
        EQUAL(ouro_ring_count_tx(&a), 3);
        EQUAL(take(1), 1);
        EQUAL(take(2), 8);
        EQUAL(ouro_ring_count_tx(&a), 1);
        EQUAL(take(3), MTU);
        EQUAL(take(4), -EAGAIN);
        EQUAL(put(MTU + 1, 4), -EMSGSIZE);
        teardown();
}

static void random_traffic_survives_the_wrap(void)
{
        struct rng r = {42};
        uint32_t sent = 0, got = 0;
        uint32_t lens[1024];
        setup(BYTES, BYTES / 2 - OURO_RECORD_HEADER);
        while (got < 100000) {
                uint32_t len =
                    1 + rng_below(&r, rng_below(&r, 4) == 0 ? BYTES / 2 - OURO_RECORD_HEADER : 60);
                if (rng_below(&r, 2) == 0 && sent - got < 1024 && put(len, sent) == 0)
                        lens[sent++ % 1024] = len;
                else if (got < sent) {
                        EQUAL(take(got), lens[got % 1024]);
                        got++;
                } else EQUAL(take(got), -EAGAIN);
        }
        teardown();
}

static void the_largest_packet_always_fits_an_empty_ring(void)
{
        setup(BYTES, BYTES / 2 - OURO_RECORD_HEADER);
        for (uint32_t shift = 0; shift < BYTES / 8; shift++) {
                EQUAL(put(BYTES / 2 - OURO_RECORD_HEADER, shift), 0);
                EQUAL(take(shift), BYTES / 2 - OURO_RECORD_HEADER);
                EQUAL(put(1, shift), 0);
                EQUAL(take(shift), 1);
        }
        teardown();
}

static void a_full_ring_refuses_until_there_is_space(void)
{
        setup(BYTES, MTU);
        int n = 0;
        while (put(100, (uint32_t)n) == 0) n++;
        EQUAL(n, BYTES / 112);
        EQUAL(take(0), 100);
        EQUAL(put(100, (uint32_t)n), 0);
        EQUAL(put(100, 0), -EAGAIN);
        for (int i = 1; i <= n; i++) EQUAL(take((uint32_t)i), 100);
        EQUAL(take(0), -EAGAIN);
        teardown();
}

static void counters_pass_two_to_the_32(void)
{
        setup(BYTES, MTU);
        uint32_t near = UINT32_MAX - 2047;
        a.tx.head = b.rx.head = near;
        set_tail(&a.tx, near);
        set_tail(&b.rx, near);
        store_word(a.tx.ctl, OURO_CTL_HEAD, near);
        store_word(a.tx.ctl, OURO_CTL_TAIL, near);
        for (uint32_t i = 0; i < 100; i++) {
                EQUAL(put(900, i), 0);
                EQUAL(put(500, i), 0);
                EQUAL(take(i), 900);
                EQUAL(take(i), 500);
        }
        CHECK(a.tx.head < near);
        teardown();
}

static void keepalives_are_heard_by_nobody(void)
{
        setup(BYTES, MTU);
        for (int i = 0; i < 3; i++) EQUAL(put(0, 0), 0);
        EQUAL(ouro_ring_count_rx(&b), 0);
        EQUAL(take(0), -EAGAIN);
        EQUAL(load_word(b.rx.ctl, OURO_CTL_TAIL), 24);
        EQUAL(put(0, 0), 0);
        EQUAL(put(5, 9), 0);
        EQUAL(take(9), 5);
        teardown();
}

static void sleepers_are_woken_once(void)
{
        setup(BYTES, MTU);
        CHECK(!ouro_ring_reader_waits(&a));
        ouro_ring_want_data(&b);
        EQUAL(put(10, 0), 0);
        CHECK(ouro_ring_reader_waits(&a));
        CHECK(!ouro_ring_reader_waits(&a));
        teardown();
}

static void the_writer_is_woken_when_half_is_free(void)
{
        setup(BYTES, MTU);
        uint32_t n = 0;
        while (put(500, n) == 0) n++;
        ouro_ring_want_space(&a);
        uint32_t taken = 0;
        while (!ouro_ring_writer_waits(&b)) EQUAL(take(taken++), 500);
        EQUAL(taken, n / 2);
        CHECK(!ouro_ring_writer_waits(&b));
        teardown();
}

static void state_is_told(void)
{
        setup(BYTES, MTU);
        EQUAL(ouro_ring_peer_state_seq(&b), 0);
        ouro_ring_set_state(&a, OURO_STATE_DOWN | OURO_STATE_ACCESS(OURO_ACCESS_WRONLY));
        EQUAL(ouro_ring_peer_state_seq(&b), 1);
        EQUAL(ouro_ring_peer_state(&b), 10);
        EQUAL(OURO_STATE_ACCESS_OF(ouro_ring_peer_state(&b)), OURO_ACCESS_WRONLY);
        teardown();
}

/*
 * Each forgery: what is written on the shared memory of ring 0 after one honest packet of 16 bytes.
 */
static void forge_head_beyond_capacity(void) { store_word(b.rx.ctl, OURO_CTL_HEAD, BYTES + 8); }
static void forge_head_odd(void) { store_word(b.rx.ctl, OURO_CTL_HEAD, 28); }
static void forge_head_wild(void) { store_word(b.rx.ctl, OURO_CTL_HEAD, 0xfffffff8); }
static void forge_length_above_mtu(void) { store_word(b.rx.data, 0, MTU + 1); }
static void forge_length_huge(void) { store_word(b.rx.data, 0, 0xfffffffe); }
static void forge_length_beyond_head(void) { store_word(b.rx.data, 0, 17); }
static void forge_skip_at_start(void) { store_word(b.rx.data, 0, OURO_RECORD_SKIP); }

static void forged_rings_are_given_up(void)
{
        static void (*const forgeries[])(void) = {
            forge_head_beyond_capacity, forge_head_odd,    forge_head_wild,
            forge_length_above_mtu,     forge_length_huge, forge_length_beyond_head,
            forge_skip_at_start};
        for (size_t i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++) {
                setup(BYTES, MTU);
                EQUAL(put(16, 1), 0);
                forgeries[i]();
                EQUAL(take(1), -EPROTO);
                EQUAL(take(1), -EPROTO);
                EQUAL(ouro_ring_count_rx(&b), 0);
                CHECK(!ouro_ring_writer_waits(&b));
                teardown();
        }
}

static void a_record_may_not_pass_the_end_of_the_ring(void)
{
        setup(BYTES, MTU);
        for (uint32_t i = 0; i < 4; i++) EQUAL(put(992, i), 0);
        for (uint32_t i = 0; i < 4; i++) EQUAL(take(i), 992);
        /* Now at 4000 of 4096: 96 bytes are left. */
        EQUAL(put(80, 9), 0);
        EQUAL(put(900, 10), 0);
        store_word(b.rx.data, 4000, 200);
        EQUAL(take(9), -EPROTO);
        teardown();
}

static void a_head_that_goes_back_is_a_lie(void)
{
        setup(BYTES, MTU);
        EQUAL(put(16, 1), 0);
        EQUAL(put(16, 2), 0);
        EQUAL(take(1), 16);
        EQUAL(take(2), 16);
        store_word(b.rx.ctl, OURO_CTL_HEAD, 24);
        EQUAL(take(3), -EPROTO);
        teardown();
}

static void the_length_of_a_shown_packet_stays(void)
{
        const uint8_t *p;
        uint32_t len;
        setup(BYTES, MTU);
        EQUAL(put(100, 1), 0);
        EQUAL(ouro_ring_peek(&b, &p, &len), 1);
        store_word(b.rx.data, 0, 3);
        EQUAL(ouro_ring_peek(&b, &p, &len), 1);
        EQUAL(len, 100);
        teardown();
}

static void forged_tails_are_given_up(void)
{
        static const uint32_t tails[] = {8, 20, 32, 4096, 0xfffffff8};
        for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
                setup(BYTES, MTU);
                while (put(16, 0) == 0) {
                }
                /*
                 * 8 is inside the first record: not our concern, it only frees what was published.
                 */
                store_word(a.tx.ctl, OURO_CTL_TAIL, tails[i] == 4096 ? 4104 : tails[i]);
                int want = tails[i] == 8 ? -EAGAIN : tails[i] == 32 ? 0 : -EPROTO;
                EQUAL(put(16, 0), want);
                teardown();
        }
}

/*
 * A peer that writes noise everywhere, all the time: no crash, no endless loop, no packet above the
 * MTU.
 */
static void noise_is_survived(void)
{
        struct rng r = {11};
        for (int round = 0; round < 3000; round++) {
                setup(BYTES, MTU);
                for (int i = 0; i < 20; i++) {
                        const uint8_t *p;
                        uint32_t len;
                        put(1 + rng_below(&r, MTU), 0);
                        uint32_t *words = a.map;
                        for (int k = 0; k < 30; k++) {
                                uint32_t v = rng_below(&r, 3) == 0 ? rng_next(&r)
                                                                   : rng_below(&r, 1200) & ~7u;
                                words[(OURO_RING_CONTROL / 4) +
                                      rng_below(&r, (OURO_RING_HEADER + 2 * BYTES) / 4 - 16)] = v;
                        }
                        if (ouro_ring_peek(&b, &p, &len) == 1) {
                                CHECK(len <= MTU && p >= b.rx.data && p + len <= b.rx.data + BYTES);
                                memcpy(packet, p, len);
                                ouro_ring_consume(&b);
                        }
                        ouro_ring_count_tx(&a);
                        ouro_ring_count_rx(&b);
                        ouro_ring_writer_waits(&b);
                }
                teardown();
        }
}

static int attach_with(uint32_t magic, uint32_t version, uint32_t bytes, uint32_t mtu, off_t size,
                       int seals)
{
        struct ouro_ring r;
        uint32_t header[4] = {magic, version, bytes, mtu};
        int fd = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (ftruncate(fd, size) < 0 || pwrite(fd, header, sizeof(header), 0) < 0 ||
            fcntl(fd, F_ADD_SEALS, seals) < 0)
                abort();
        int error = ouro_ring_attach(&r, fd, 0);
        if (error == 0) ouro_ring_detach(&r);
        close(fd);
        return error;
}

static void only_honest_mappings_are_taken(void)
{
        const off_t size = OURO_RING_HEADER + 2 * BYTES;
        const uint32_t m = OURO_RING_MAGIC;
        EQUAL(attach_with(m, 1, BYTES, MTU, size, F_SEAL_SHRINK), 0);
        EQUAL(attach_with(m, 1, BYTES, MTU, size, 0), -EPROTO);
        EQUAL(attach_with(m, 1, BYTES, MTU, size, F_SEAL_GROW), -EPROTO);
        EQUAL(attach_with(m + 1, 1, BYTES, MTU, size, F_SEAL_SHRINK), -EPROTO);
        EQUAL(attach_with(m, 2, BYTES, MTU, size, F_SEAL_SHRINK), -EPROTO);
        EQUAL(attach_with(m, 1, BYTES, MTU, size - 1, F_SEAL_SHRINK), -EPROTO);
        EQUAL(attach_with(m, 1, BYTES, MTU, 16, F_SEAL_SHRINK), -EPROTO);
        EQUAL(attach_with(m, 1, BYTES, MTU, 1 << 30, F_SEAL_SHRINK), -EPROTO);
        EQUAL(attach_with(m, 1, BYTES / 2, MTU, size, F_SEAL_SHRINK), -EPROTO);
        EQUAL(attach_with(m, 1, BYTES + 8, MTU, size + 16, F_SEAL_SHRINK), -EPROTO);
        EQUAL(attach_with(m, 1, BYTES * 2, MTU, size, F_SEAL_SHRINK), -EPROTO);
        EQUAL(attach_with(m, 1, 0x80000000, MTU, size, F_SEAL_SHRINK), -EPROTO);
        EQUAL(attach_with(m, 1, BYTES, 0, size, F_SEAL_SHRINK), -EPROTO);
        EQUAL(attach_with(m, 1, BYTES, BYTES / 2 - 7, size, F_SEAL_SHRINK), -EPROTO);
        struct ouro_ring r;
        int pipes[2];
        CHECK(pipe(pipes) == 0);
        EQUAL(ouro_ring_attach(&r, pipes[0], 0), -EPROTO);
        EQUAL(ouro_ring_attach(&r, -1, 0), -EPROTO);
        close(pipes[0]);
        close(pipes[1]);
}

int main(void)
{
        static const struct test tests[] = {
            TEST(packets_keep_order_and_boundaries),
            TEST(random_traffic_survives_the_wrap),
            TEST(the_largest_packet_always_fits_an_empty_ring),
            TEST(a_full_ring_refuses_until_there_is_space),
            TEST(counters_pass_two_to_the_32),
            TEST(keepalives_are_heard_by_nobody),
            TEST(sleepers_are_woken_once),
            TEST(the_writer_is_woken_when_half_is_free),
            TEST(state_is_told),
            TEST(forged_rings_are_given_up),
            TEST(a_record_may_not_pass_the_end_of_the_ring),
            TEST(a_head_that_goes_back_is_a_lie),
            TEST(the_length_of_a_shown_packet_stays),
            TEST(forged_tails_are_given_up),
            TEST(noise_is_survived),
            TEST(only_honest_mappings_are_taken),
        };
        return RUN_TESTS(tests);
}
