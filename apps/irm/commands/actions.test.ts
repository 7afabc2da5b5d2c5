import { describe, expect, it } from '@jest/globals';
import { PeerError, qosData, qosRaw, UsageError } from '#lib/core/index.ts';
import { irm } from '../testing/session.ts';

const n1 = { name: 'n1', pid: 5, type: 'unicast', state: 'init' };
const refuse = (error: Error) => () => Promise.reject(error);

describe('actions ask irmd for one thing, and say nothing', () => {
  it.each([
    ['irm i c n l1 t udp', [['createIpcp', 'l1', 'udp4']]],
    ['irm i d n l1', [['destroyIpcp', 'l1']]],
    [
      'irm b prog ./ioq3ded.x86_64 n ioq3',
      [['bindProgram', './ioq3ded.x86_64', 'ioq3', { auto: false, args: [] }]],
    ],
    [
      'irm b p oping n server auto -- -l --quiet',
      [['bindProgram', 'oping', 'server', { auto: true, args: ['-l', '--quiet'] }]],
    ],
    ['irm bind process 6417 name server', [['bindProcess', 6417, 'server']]],
    ['irm b i n1 n n', [['bindIpcp', 'n1', 'n']]],
    ['irm u p ioq3 n ioq3', [['unbindProgram', 'ioq3', 'ioq3']]],
    ['irm u p ioq3', [['unbindProgram', 'ioq3']]],
    ['irm u proc 1', [['unbindProcess', 1]]],
    ['irm u i n1', [['unbindIpcp', 'n1']]],
    ['irm n d web', [['destroyName', 'web']]],
    [
      'irm n r web l a i x l b',
      [
        ['registerName', 'web', { ipcp: 'x' }],
        ['registerName', 'web', { layer: 'a' }],
        ['registerName', 'web', { layer: 'b' }],
      ],
    ],
    ['irm n u web l a', [['unregisterName', 'web', { layer: 'a' }]]],
    ['irm register name server layer local', [['registerName', 'server', { layer: 'local' }]]],
    ['irm unregister name server layer local', [['unregisterName', 'server', { layer: 'local' }]]],
    ['irm ipcp connect name n1 component dt dst n2', [['connectIpcp', 'n1', 'dt', 'n2', qosRaw]]],
    [
      'irm i co n n1 dst n2 qos data',
      [
        ['connectIpcp', 'n1', 'mgmt', 'n2', qosRaw],
        ['connectIpcp', 'n1', 'dt', 'n2', qosData],
      ],
    ],
    [
      'irm i di n n1 dst n2',
      [
        ['disconnectIpcp', 'n1', 'dt', 'n2'],
        ['disconnectIpcp', 'n1', 'mgmt', 'n2'],
      ],
    ],
  ])('%s', async (line, asked) => {
    const outcome = await irm(line);
    expect(outcome).toMatchObject({ status: 0, out: '', err: '', asked });
    expect(outcome.calls.at(-1)).toEqual(['close']);
    expect(
      JSON.parse((await irm(`${line} --json`.replace(/ -- (.*) --json/, ' --json -- $1'))).out),
    ).toEqual({});
  });
});

describe('name create', () => {
  it('makes paths absolute', async () => {
    const { asked } = await irm('irm n c web lb spill scrtpath c.pem skeypath /k.pem', {
      createName: () => Promise.resolve({ created: true }),
    });
    expect(asked).toEqual([
      [
        'createName',
        'web',
        { lb: 'spillover', security: { scrtpath: '/home/user/c.pem', skeypath: '/k.pem' } },
      ],
    ]);
  });

  it('tells when the name is there already, and succeeds', async () => {
    const createName = () => Promise.resolve({ created: false });
    expect(await irm('irm n c web', { createName })).toMatchObject({
      status: 0,
      err: 'Name "web" already exists.\n',
      asked: [['createName', 'web', {}]],
    });
  });
});

describe('ipcp connect', () => {
  it('takes the management connection down again when data transfer fails', async () => {
    const outcome = await irm('irm i co n n1 dst n2', {
      connectIpcp: (_name, component) =>
        component === 'dt'
          ? Promise.reject(new PeerError('Nobody accepts for "n2"', 'EIPCP'))
          : Promise.resolve(),
    });
    expect(outcome.asked.at(-1)).toEqual(['disconnectIpcp', 'n1', 'mgmt', 'n2']);
    expect(outcome).toMatchObject({
      status: 1,
      err: 'Nobody accepts for "n2".\n',
    });
  });
});

describe('ipcp disconnect', () => {
  it('tears down the other component when one fails, and fails', async () => {
    const outcome = await irm('irm i di n n1 dst n2', {
      disconnectIpcp: (_name, component) =>
        component === 'dt'
          ? Promise.reject(new UsageError('No such connection'))
          : Promise.resolve(),
    });
    expect(outcome.asked).toHaveLength(2);
    expect(outcome.status).toBe(1);
  });
});

describe('ipcp bootstrap', () => {
  const bootstrapIpcp = (_: string, layer: string) => Promise.resolve({ pid: 7, layer });

  it('creates the IPCP when there is none', async () => {
    const { asked, status } = await irm('irm i b t local l local n l1', { bootstrapIpcp });
    expect(status).toBe(0);
    expect(asked).toEqual([
      ['createIpcp', 'l1', 'local'],
      ['bootstrapIpcp', 'l1', 'local', {}],
    ]);
  });

  it('uses the one that is there, whose type it need not be told', async () => {
    const { asked } = await irm('irm i b n n1 l n routing link_state addr 8', {
      bootstrapIpcp,
      listIpcps: () => Promise.resolve([n1]),
    });
    expect(asked).toEqual([['bootstrapIpcp', 'n1', 'n', { routing: 'link-state', addr_size: 8 }]]);
  });

  it('speaks the language of irmd.conf', async () => {
    const line =
      'irm i b n n1 l n t normal fd 2 ttl addr_auth flat pff alternate hash SHA3_512 directory DHT ls_t_timeo 60 c none';
    const { asked } = await irm(line, { bootstrapIpcp });
    expect(asked.at(-1)).toEqual([
      'bootstrapIpcp',
      'n1',
      'n',
      {
        hash: 'SHA3_512',
        eid_size: 2,
        max_ttl: 60,
        addr_auth: 'flat',
        directory: 'DHT',
        ls_t_timeo: 60,
        congestion: 'none',
        routing: 'lfa',
      },
    ]);
    const eth = await irm('irm i b t eth-llc l ethernet n eth if wlan0', { bootstrapIpcp });
    expect(eth.asked.at(-1)).toEqual(['bootstrapIpcp', 'eth', 'ethernet', { dev: 'wlan0' }]);
    const dix = await irm('irm i b t e l ethernet n eth dev eth0 e A000', { bootstrapIpcp });
    expect(dix.asked.at(-1)).toEqual([
      'bootstrapIpcp',
      'eth',
      'ethernet',
      { dev: 'eth0', ethertype: 0xa000 },
    ]);
    const udp = await irm('irm i b t udp l u n u ip 192.0.2.1 port 3435', { bootstrapIpcp });
    expect(udp.asked.at(-1)).toEqual(['bootstrapIpcp', 'u', 'u', { ip: '192.0.2.1', port: 3435 }]);
  });

  it('says which options mean nothing for the type', async () => {
    const line = 'irm i b t local l local n l1 ttl autobind';
    const outcome = await irm(line, { bootstrapIpcp });
    expect(outcome.err).toBe(
      '"ttl" means nothing for type local, ignored.\n"autobind" means nothing for type local, ignored.\n',
    );
    expect(outcome.asked.at(-1)).toEqual(['bootstrapIpcp', 'l1', 'local', {}]);
  });

  it('binds to its own name and to the layer with autobind', async () => {
    const { asked } = await irm('irm ipcp bootstrap name n1 type normal layer n autobind', {
      bootstrapIpcp,
    });
    expect(asked).toEqual([
      ['createIpcp', 'n1', 'unicast'],
      ['bindIpcp', 'n1', 'n1'],
      ['bindIpcp', 'n1', 'n'],
      ['bootstrapIpcp', 'n1', 'n', {}],
    ]);
  });

  it('undoes everything when it fails, and tells the first failure', async () => {
    const outcome = await irm('irm ipcp bootstrap name n1 type unicast layer n autobind', {
      bootstrapIpcp: refuse(new UsageError('Type unicast is unknown', 'EIPCPTYPE')),
      unbindIpcp: refuse(new UsageError('Never mind')),
    });
    expect(outcome.asked.slice(4)).toEqual([
      ['unbindIpcp', 'n1', 'n'],
      ['unbindIpcp', 'n1', 'n1'],
      ['destroyIpcp', 'n1'],
    ]);
    expect(outcome).toMatchObject({ status: 1, out: '', err: 'Type unicast is unknown.\n' });
  });

  it('leaves bindings alone that were there before', async () => {
    const outcome = await irm('irm ipcp bootstrap name n1 layer n autobind', {
      listIpcps: () => Promise.resolve([n1]),
      bindIpcp: (_ipcp, name) =>
        name === 'n1' ? Promise.reject(new UsageError('Bound', 'EEXIST')) : Promise.resolve(),
      bootstrapIpcp: refuse(new UsageError('In a layer already', 'EIPCPSTATE')),
    });
    expect(outcome.asked.slice(3)).toEqual([['unbindIpcp', 'n1', 'n']]);
  });

  it('refuses another type than the IPCP has, and an unknown IPCP without a type', async () => {
    const listIpcps = () => Promise.resolve([n1]);
    expect(await irm('irm i b n n1 l n t local', { listIpcps })).toMatchObject({
      status: 1,
      err: 'IPC process "n1" is of type unicast, not local.\n',
      asked: [],
    });
    expect(await irm('irm i b n n2 l n', { listIpcps })).toMatchObject({
      status: 1,
      err: 'There is no IPC process "n2", and no "type" to create it.\n',
      asked: [],
    });
  });
});

describe('ipcp enroll', () => {
  const enrollIpcp = () => Promise.resolve({ pid: 7, layer: 'n' });

  it('creates a unicast IPCP, enrolls, then binds', async () => {
    const { asked, status } = await irm('irm ipcp enroll name n2 layer n autobind', { enrollIpcp });
    expect(status).toBe(0);
    expect(asked).toEqual([
      ['createIpcp', 'n2', 'unicast'],
      ['enrollIpcp', 'n2', { layer: 'n' }],
      ['bindIpcp', 'n2', 'n2'],
      ['bindIpcp', 'n2', 'n'],
    ]);
  });

  it('fails when the member is of another layer, and leaves nothing', async () => {
    const outcome = await irm('irm ipcp enroll name n2 layer m dst n1', { enrollIpcp });
    expect(outcome).toMatchObject({ status: 1, err: '"n1" is in layer "n", not "m".\n' });
    expect(outcome.asked.at(-1)).toEqual(['destroyIpcp', 'n2']);
  });
});
