/** Bounds that hold for every record, wherever it comes from. A longer value is cut by the recorder and refused by the manager. */

/** Longest user name, password, header name, file name and the like, in UTF-16 code units of the recorded text. */
export const MAX_SHORT_TEXT = 4096;
/** Longest command, statement, URL, request target or body kept in an event. The whole conversation is in the transcript. */
export const MAX_LONG_TEXT = 65_536;
/** Most elements of a list inside an event (headers, URLs, ports). */
export const MAX_LIST = 1024;
/** Largest record on the wire, in bytes of JSON. */
export const MAX_RECORD_BYTES = 1_048_576;
/** Largest artifact that a sensor keeps; longer uploads are cut there and marked `truncated`. */
export const MAX_ARTIFACT_BYTES = 16 * 1_048_576;
/** Bytes of an artifact carried by one record. */
export const ARTIFACT_CHUNK_BYTES = 262_144;
