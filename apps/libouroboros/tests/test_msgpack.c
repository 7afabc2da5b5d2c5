#include "ecode.h"
#include "msgpack.h"
#include "qos.h"
#include "support.h"

#include <ouroboros/errno.h>

#include <string.h>

static uint8_t buf[70000];

static struct ouro_mp_out writer(size_t cap)
{
        return (struct ouro_mp_out){.buf = buf, .cap = cap};
}

static void writes_the_shortest_forms(void)
{
        static const uint8_t want[] = {0x83, 0xa1, 'i',  0x01, 0xa1, 'm',  0xc3,
                                       0xa1, 'p',  0x92, 0xcd, 0x01, 0x00, 0xff};
        struct ouro_mp_out out = writer(sizeof(buf));
        ouro_mp_map(&out, 3);
        ouro_mp_str(&out, "i");
        ouro_mp_uint(&out, 1);
        ouro_mp_str(&out, "m");
        ouro_mp_bool(&out, true);
        ouro_mp_str(&out, "p");
        ouro_mp_array(&out, 2);
        ouro_mp_uint(&out, 256);
        ouro_mp_int(&out, -1);
        CHECK(!out.bad);
        EQUAL(out.len, sizeof(want));
        CHECK(memcmp(buf, want, sizeof(want)) == 0);
}

static void numbers_come_back(void)
{
        static const int64_t values[] = {0,
                                         1,
                                         127,
                                         128,
                                         255,
                                         256,
                                         65535,
                                         65536,
                                         4294967295,
                                         4294967296,
                                         9007199254740991,
                                         -1,
                                         -32,
                                         -33,
                                         -128,
                                         -32769,
                                         -4294967297};
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
                struct ouro_mp_out out = writer(sizeof(buf));
                int64_t got;
                uint64_t got_u;
                ouro_mp_int(&out, values[i]);
                struct ouro_mp_view v = ouro_mp_parse(buf, out.len);
                EQUAL(v.len, out.len);
                CHECK(ouro_mp_to_int(v, &got));
                EQUAL(got, values[i]);
                EQUAL(ouro_mp_to_uint(v, &got_u), values[i] >= 0);
        }
}

/*
 * {a: 1, b: 2^53 - 1, c: undefined, d: [1, -5, 70000, 4294967295, 4294967296], e: <6869>, f: true,
 * g: <0000>}
 */
static const char other_library[] = "\xde\x00\x07\xa1\x61\x01\xa1\x62\xcb\x43\x3f\xff\xff\xff\xff"
                                    "\xff\xff\xa1\x63\xd4\x00\x00\xa1\x64\x95\x01\xfb\xce\x00"
                                    "\x01\x11\x70\xce\xff\xff\xff\xff\xcb\x41\xf0\x00\x00\x00\x00"
                                    "\x00\x00\xa1\x65\xc4\x02\x68\x69\xa1\x66\xc3\xa1\x67\xc4\x02"
                                    "\x00\x00";

static void reads_what_msgpackr_writes(void)
{
        uint64_t u;
        int64_t i;
        bool yes;
        uint32_t n;
        struct ouro_mp_view map = ouro_mp_parse(other_library, sizeof(other_library) - 1);
        EQUAL(map.len, sizeof(other_library) - 1);
        CHECK(ouro_mp_to_uint(ouro_mp_get(map, "a"), &u) && u == 1);
        CHECK(ouro_mp_to_uint(ouro_mp_get(map, "b"), &u) && u == 9007199254740991);
        CHECK(!ouro_mp_to_uint(ouro_mp_get(map, "c"), &u));
        struct ouro_mp_view list = ouro_mp_get(map, "d");
        CHECK(ouro_mp_items(list, &n) && n == 5);
        CHECK(ouro_mp_to_int(ouro_mp_item(list, 1), &i) && i == -5);
        CHECK(ouro_mp_to_uint(ouro_mp_item(list, 4), &u) && u == 4294967296);
        CHECK(ouro_mp_item(list, 5).p == NULL);
        CHECK(ouro_mp_to_bool(ouro_mp_get(map, "f"), &yes) && yes);
        CHECK(ouro_mp_get(map, "h").p == NULL);
}

static void fractions_and_huge_floats_are_no_integers(void)
{
        static const char *const floats[] = {"\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00" /* 0.5 */,
                                             "\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00" /* infinity */,
                                             "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00" /* NaN */,
                                             "\xcb\x43\xe0\x00\x00\x00\x00\x00\x00" /* 2^63 */};
        for (size_t i = 0; i < sizeof(floats) / sizeof(floats[0]); i++) {
                int64_t v;
                CHECK(!ouro_mp_to_int(ouro_mp_parse(floats[i], 9), &v));
        }
        uint64_t u;
        CHECK(ouro_mp_to_uint(ouro_mp_parse("\xca\x40\x40\x00\x00", 5), &u) && u == 3); /* 3.0f */
        CHECK(!ouro_mp_to_uint(ouro_mp_parse("\xff", 1), &u));
}

static void what_does_not_fit_is_dropped(void)
{
        for (size_t cap = 0; cap < 40; cap++) {
                struct ouro_mp_out out = writer(cap);
                memset(buf, 0xee, 64);
                ouro_mp_str(&out, "a string of 32 bytes, or somewhat");
                ouro_mp_uint(&out, 1000);
                EQUAL(out.bad, cap < 38);
                for (size_t i = cap; i < 64; i++) EQUAL(buf[i], 0xee);
        }
        struct ouro_mp_out out = writer(sizeof(buf));
        memset(buf, 'x', 66000);
        buf[66000] = '\0';
        char *long_string = strdup((char *)buf);
        ouro_mp_str(&out, long_string);
        free(long_string);
        CHECK(out.bad);
}

static void every_prefix_is_incomplete(void)
{
        for (size_t len = 0; len < sizeof(other_library) - 1; len++)
                CHECK(ouro_mp_parse(other_library, len).p == NULL);
}

static void depth_and_false_counts_cost_nothing(void)
{
        uint8_t *deep = malloc(60000);
        memset(deep, 0x91, 60000);
        CHECK(ouro_mp_parse(deep, 60000).p == NULL);
        deep[59999] = 0xc0;
        EQUAL(ouro_mp_parse(deep, 60000).len, 60000);
        free(deep);
        CHECK(ouro_mp_parse("\xdf\xff\xff\xff\xff\xc0\xc0", 7).p == NULL);
        CHECK(ouro_mp_parse("\xdd\xff\xff\xff\xff\xc0\xc0", 7).p == NULL);
        CHECK(ouro_mp_parse("\xc6\xff\xff\xff\xff", 5).p == NULL);
        CHECK(ouro_mp_parse("\xc9\xff\xff\xff\xff\x00", 6).p == NULL);
        CHECK(ouro_mp_parse("\xc1", 1).p == NULL);
}

/* Exactly-sized copies, so that ASan sees any read beyond. */
static void garbage_is_survived(void)
{
        struct rng r = {7};
        for (int round = 0; round < 20000; round++) {
                size_t len = rng_below(&r, 40);
                uint8_t *bytes = malloc(len + 1);
                uint64_t u;
                int64_t i;
                qosspec_t qs = qos_raw;
                for (size_t k = 0; k < len; k++) bytes[k] = (uint8_t)rng_next(&r);
                if (len > 0 && (round & 1) != 0) bytes[0] = (uint8_t)(0x80 | (bytes[0] & 7));
                uint8_t *exact = realloc(bytes, len > 0 ? len : 1);
                struct ouro_mp_view v = ouro_mp_parse(exact, len);
                CHECK(v.p == NULL || v.len <= len);
                ouro_mp_to_uint(ouro_mp_get(v, "timeout"), &u);
                ouro_mp_to_int(ouro_mp_item(v, 1), &i);
                ouro_qos_read(v, &qs);
                ouro_ecode(ouro_mp_get(v, "code"));
                free(exact);
        }
}

static void qos_comes_back(void)
{
        static const qosspec_t *const specs[] = {&qos_raw, &qos_video, &qos_voice, &qos_data,
                                                 &qos_best_effort};
        for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
                struct ouro_mp_out out = writer(sizeof(buf));
                qosspec_t got = {0};
                ouro_qos_write(&out, specs[i]);
                ouro_qos_read(ouro_mp_parse(buf, out.len), &got);
                CHECK(got.delay == specs[i]->delay && got.bandwidth == specs[i]->bandwidth);
                CHECK(got.availability == specs[i]->availability && got.loss == specs[i]->loss);
                CHECK(got.ber == specs[i]->ber && got.in_order == specs[i]->in_order);
                CHECK(got.max_gap == specs[i]->max_gap && got.timeout == specs[i]->timeout);
        }
}

static void errors_have_their_numbers(void)
{
        EQUAL(ouro_ecode(ouro_mp_parse("\xa5"
                                       "ENAME",
                                       6)),
              -ENAME);
        EQUAL(ouro_ecode(ouro_mp_parse("\xa9"
                                       "ETIMEDOUT",
                                       10)),
              -ETIMEDOUT);
        EQUAL(ouro_ecode(ouro_mp_parse("\xa5"
                                       "EWHAT",
                                       6)),
              -EIO);
        EQUAL(ouro_ecode((struct ouro_mp_view){NULL, 0}), -EIO);
}

int main(void)
{
        static const struct test tests[] = {
            TEST(writes_the_shortest_forms),
            TEST(numbers_come_back),
            TEST(reads_what_msgpackr_writes),
            TEST(fractions_and_huge_floats_are_no_integers),
            TEST(what_does_not_fit_is_dropped),
            TEST(every_prefix_is_incomplete),
            TEST(depth_and_false_counts_cost_nothing),
            TEST(garbage_is_survived),
            TEST(qos_comes_back),
            TEST(errors_have_their_numbers),
        };
        return RUN_TESTS(tests);
}
