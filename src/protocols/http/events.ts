/** HTTP needs no events beyond the shared ones: `request`, `auth.attempt`, `file.requested`, `file.captured`, `peer.malformed`. */
export const events = {};
