import { describe, expect, it } from '@jest/globals';
import { realClock, realRandom } from '#lib/core/index.ts';
import { udp4Ipcp, udp6Ipcp } from './udp-ipcp.ts';

const lines: string[] = [];
const note = (text: string) => lines.push(text);
const log = () => ({ debug: note, info: note, warn: note, error: note });
const deps = { clock: realClock, random: realRandom, log, pid: 1, guard: <T>(fn: T) => fn };

function bootstrap(type: typeof udp4Ipcp, config: object) {
  return type.create(deps as never, { name: 'u' }).bootstrap!('net', config);
}

describe('IPCP types of UDP', () => {
  it.each([
    [udp4Ipcp, {}, 'option ip'],
    [udp4Ipcp, { ip: '0.0.0.0' }, 'no address of this host alone'],
    [udp4Ipcp, { ip: 'fd00::1' }, 'no address of udp4'],
    [udp6Ipcp, { ip: '127.0.0.1' }, 'no address of udp6'],
    [udp6Ipcp, { ip: 'localhost' }, 'no address of udp6'],
    [udp4Ipcp, { ip: '127.0.0.1', port: 0 }, 'option port'],
    [udp4Ipcp, { ip: '127.0.0.1', dns: 'ns' }, 'no IP address'],
    [udp4Ipcp, { ip: '127.0.0.1', peers: '127.0.0.2,x' }, 'x is no address'],
    [udp4Ipcp, { ip: '127.0.0.1', hosts: 'web' }, 'web is not NAME=IP'],
    [udp4Ipcp, { ip: '127.0.0.1', hosts: 'web=fd00::1' }, 'no address of udp4'],
    [udp4Ipcp, { ip: '127.0.0.1', hash: 'MD5' }, 'hash'],
    [udp4Ipcp, { ip: '192.0.2.1' }, 'EADDRNOTAVAIL'],
  ])('%# refuse what makes no sense', async (type, config, why) => {
    await expect(bootstrap(type, config)).rejects.toMatchObject({
      fault: 'usage',
      message: expect.stringContaining(why),
    });
  });

  it('make a member of a layer, with a table of hosts', async () => {
    const ip = `127.77.${process.pid & 255}.${(process.pid >> 8) & 255 || 1}`;
    const config = { ip, hosts: [`web=${ip}`, 'two=127.0.0.9', 'two=127.0.0.8'] };
    const { layer, hash, mtu } = await bootstrap(udp4Ipcp, config);
    expect([layer.name, hash, mtu]).toEqual(['net', 'MD5', 8976]);
    // Its own address only counts for names that are registered.
    expect(await layer.query(layer.hash('web'))).toBe(false);
    expect(await layer.query(layer.hash('two'))).toBe(true);
    await layer.register(layer.hash('web'));
    expect(await layer.query(layer.hash('web'))).toBe(true);
    await layer.close();
    expect(lines).toContain(`Using ${ip} port 3435.`);
  });
});
