/** Every service there is. Adding a protocol is a folder and a line here. */
import type { Catalogue } from '../events/index.ts';
import { ftp } from './ftp/service.ts';
import { http } from './http/service.ts';
import type { Service } from './kernel/contract.ts';
import { mssql } from './mssql/service.ts';
import { mysql } from './mysql/service.ts';
import { telnet } from './telnet/service.ts';

/** A service as the sensor runs it: its own events and options are checked by its schemas, not by the compiler. */
export type AnyService = Service<Catalogue, unknown>;

export const services = [ftp, http, mssql, mysql, telnet] as unknown as readonly AnyService[];

export const serviceNamed = (name: string): AnyService | undefined => services.find((service) => service.name === name);
