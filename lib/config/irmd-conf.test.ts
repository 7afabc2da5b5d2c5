import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OuroError } from '#lib/core/index.ts';
import { parseIrmdConf } from './irmd-conf.ts';

const ipcp = (text: string) => parseIrmdConf(text).ipcps[0];

describe('parseIrmdConf', () => {
  it('reads every stanza in the order of the file', () => {
    const conf = parseIrmdConf(`
      [name.oping]
      prog = ["/usr/bin/oping"]
      args = ["-l --quiet"]
      lb = "round-robin"
      server_crt_file = "/etc/crt"
      [name."oping.secure"]
      prog = ["/usr/bin/oping"]
      [local.l1]
      bootstrap = "local"
      hash = "SHA3_224"
      reg = ["oping", "oping.secure"]
      [eth-llc.llc1]
      bootstrap = "eth"
      dev = "lo"
      [eth-dix.dix1]
      bootstrap = "eth2"
      dev = "eth0"
      ethertype = 0xA000
      [udp4.u4]
      ip = "127.0.0.1"
      [udp6.u6]
      bootstrap = "udp"
      ip = "::1"
      dns = "::2"
      port = 3435
      [broadcast.b]
      enrol = "bc.1"
      conn = ["bc.2"]
      autobind = true
      [unicast.n1]
      bootstrap = "n"
      addr-auth = "flat"
      routing = "link_state"
      congestion = "mb-ecn"
      directory = "dht"
      dht_t_expiry = 3600
      ls_t_timeo = 60
    `);
    expect(conf.names).toEqual([
      {
        name: 'oping',
        lb: 'round-robin',
        programs: [{ path: '/usr/bin/oping', auto: true, args: ['-l', '--quiet'] }],
        security: { scrtpath: '/etc/crt' },
      },
      {
        name: 'oping.secure',
        lb: 'spillover',
        programs: [{ path: '/usr/bin/oping', auto: false, args: [] }],
        security: {},
      },
    ]);
    expect(conf.ipcps.map(({ name, type }) => `${type}.${name}`)).toEqual([
      'local.l1',
      'eth-llc.llc1',
      'eth-dix.dix1',
      'udp4.u4',
      'udp6.u6',
      'broadcast.b',
      'unicast.n1',
    ]);
    expect(conf.ipcps[0]).toEqual({
      name: 'l1',
      type: 'local',
      bootstrap: 'local',
      settings: { hash: 'SHA3_224' },
      isolate: false,
      autobind: false,
      register: ['oping', 'oping.secure'],
      connect: [],
    });
    expect(conf.ipcps[4]?.settings).toEqual({ ip: '::1', dns: '::2', port: 3435 });
    expect(conf.ipcps[5]).toMatchObject({ enrol: 'bc.1', connect: ['bc.2'], autobind: true });
    expect(conf.ipcps[6]?.settings).toEqual({
      addr_auth: 'flat',
      routing: 'link-state',
      congestion: 'mb-ecn',
      directory: 'DHT',
      dht_t_expire: 3600,
      ls_t_timeo: 60,
    });
  });

  it('accepts both spellings of the prototype and does not copy its mistakes', () => {
    const unicast = (line: string) => ipcp(`[unicast.n]\nbootstrap = "n"\n${line}`);
    expect(unicast('autobind = false')?.autobind).toBe(false);
    expect(unicast('congestion = "none"')?.settings.congestion).toBe('none');
    expect(unicast('dht_t_expire = 60')?.settings).toEqual({ dht_t_expire: 60 });
    expect(unicast('routing = "link-state"')?.settings.routing).toBe('link-state');
    for (const [lb, means] of [
      ['spill', 'spillover'],
      ['spillover', 'spillover'],
      ['round-robin', 'round-robin'],
    ])
      expect(parseIrmdConf(`[name.x]\nlb = "${lb}"`).names[0]?.lb).toBe(means);
  });

  it.each([
    ['[udp.x]\nip = "1.2.3.4"', 'unknown table [udp]; allowed: name, flows, local,'],
    [
      '[local.l]\nfoo = 1',
      '[local.l] has unknown key "foo"; allowed: bootstrap, reg, isolate, hash',
    ],
    ['[local.l]\nautobind = true', '[local.l] has unknown key "autobind"'],
    ['[eth-dix.e]\nbootstrap = "e"', '[eth-dix.e] needs dev'],
    ['[eth-dix.e]\ndev = "x"\nethertype = 5', '[eth-dix.e] ethertype: Too small'],
    ['[unicast.n]\ncongestion = "lfa"', 'congestion: must be one of mb-ecn, none, not "lfa"'],
    ['[unicast.n]\nautobind = "yes"', '[unicast.n] autobind: '],
    ['[unicast.n]\nbootstrap="a"\nenrol="b"', 'has both bootstrap and enrol'],
    ['[unicast.n]\nbootstrap="a"\nconn=["b"]', 'conn needs enrol'],
    ['[unicast.n]\ndht_t_expire=60\ndht_t_expiry=60', 'gives dht_t_expire twice'],
    ['[local.l]\nreg = ["x"]', 'reg needs bootstrap or enrol'],
    ['[local.l]\nbootstrap = "l"\nhash = "SHA1"', 'hash: must be one of SHA3_224'],
    ['[name.x]\nprog=["/a"]\nargs=["a", "b"]', 'args has 2 entries, prog has 1'],
    ['[name.x]\nlb = "random"', '[name.x] lb: must be one of spill, round-robin, not "random"'],
    ['[local.x]\n[unicast.x]', 'IPCP x is both [local.x] and [unicast.x]'],
    ['local = 3', 'local must be a table of tables, such as [local.X]'],
    ['[local]\nhash = "SHA3_256"', '[local.hash] must be a table'],
    ['[local.x\n', 'irmd.conf:1:'],
  ])('says what is wrong: %s', (text, message) => {
    expect(() => parseIrmdConf(text)).toThrow(message);
    expect(() => parseIrmdConf(text)).toThrow(OuroError);
  });

  it('throws nothing but its own errors for whatever it is given', () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant('[1,"a"]'));
    const line = fc
      .tuple(fc.constantFrom('[local.a]', '[unicast.b]', 'hash', 'reg', 'dev'), value)
      .map(([key, v]) => (key.startsWith('[') ? key : `${key} = ${v}`));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        try {
          parseIrmdConf(lines.join('\n'));
        } catch (error) {
          expect(error).toBeInstanceOf(OuroError);
        }
      }),
      { seed: 7, numRuns: 200 },
    );
  });
});
