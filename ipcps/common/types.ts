/** Every type of IPCP that an ipcpd can create. A new one is a line here. */
import type { IpcpType } from '#lib/ipcp-dev/index.ts';
import { ethDixIpcp, ethLlcIpcp } from '../eth/index.ts';
import { localIpcp } from '../local/index.ts';
import { raptorIpcp } from '../raptor/index.ts';
import { udp4Ipcp, udp6Ipcp } from '../udp/index.ts';

export const ipcpTypes: readonly IpcpType[] = [
  localIpcp,
  ethLlcIpcp,
  ethDixIpcp,
  udp4Ipcp,
  udp6Ipcp,
  raptorIpcp,
];
