//! CMAF: boxes, the fragmenter and the chunk reader.
