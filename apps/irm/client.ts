import type { IrmClient } from '#lib/irm/index.ts';

/** What the commands use of irmd's management client: its methods, so that a test can be one. */
export type Irm = Omit<IrmClient, 'onClose'>;
