/** `status`, `list_flows`. */
import { z } from 'zod';
import type { Methods } from '#lib/rpc/index.ts';
import type { Flow } from '../connection.ts';
import { pageOf, sortedBy } from './paging.ts';
import { nothingSchema } from './schemas.ts';
import { managing, type Services } from './services.ts';

export function statusMethods(services: Services): Methods {
  const { registry, info } = services;
  return {
    status: managing(services, nothingSchema, () => info),
    list_flows: managing(services, z.object({ after: z.number().optional() }), (p) =>
      pageOf(
        sortedBy(registry.flows.values(), (f) => f.id),
        p.after,
        (f) => f.id,
        (f) => show(services, f),
      ),
    ),
  };
}

function show({ registry }: Services, flow: Flow): unknown {
  const { owner, peer } = flow;
  const ipcp = flow.ipcp === undefined ? undefined : registry.ipcps.get(flow.ipcp);
  return {
    flow: flow.id,
    name: flow.name,
    pid: owner?.pid ?? 0,
    uid: owner?.uid ?? 0,
    state: flow.machine.state,
    qos: flow.qos,
    medium: flow.medium,
    ...(peer && { peer: peer.id }),
    ...(peer?.owner && { peerPid: peer.owner.pid }),
    ...(ipcp && { ipcp: ipcp.name }),
    ...registry.flows.traffic(flow),
  };
}
