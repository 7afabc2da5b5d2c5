/** `announce`, `leave`. */
import { z } from 'zod';
import type { Methods } from '#lib/rpc/index.ts';
import { pathSchema, pidSchema } from './schemas.ts';
import { type Services, serving } from './services.ts';

const pid = pidSchema.optional();
const program = z
  .string()
  .max(255)
  .refine((s) => !/[/\p{Cc}]/u.test(s), 'is not the basename of a file');

export function processMethods(services: Services): Methods {
  const { processes } = services;
  return {
    announce: serving(
      services,
      z.object({ pid, program, path: pathSchema.optional() }),
      (announcement, connection) => ({
        result: { names: processes.announce(connection, announcement) },
      }),
    ),
    leave: serving(services, z.object({ pid }), (params, connection) => {
      processes.leave(connection, params.pid);
      return { result: {} };
    }),
  };
}
