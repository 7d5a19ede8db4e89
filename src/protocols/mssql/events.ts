/** SQL Server needs no event of its own: logins, batches, procedure calls and fingerprints are shared ones. */
export const mssqlEvents = {} as const;
