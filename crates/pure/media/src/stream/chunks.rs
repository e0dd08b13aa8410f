//! Where packets of all streams of a router lie: pieces of memory that are used again.

/// The size of each.
pub(crate) const CHUNK_BYTES: usize = 32 * 1024;

/// So many are kept for the next who needs one: 2 MB.
const MAX_SPARE: usize = 64;

/// Pieces of memory that no packet cache uses now.
#[derive(Debug)]
pub(crate) struct ChunkPool {
    spare: Vec<Box<[u8]>>,
}

impl Default for ChunkPool {
    fn default() -> Self {
        Self { spare: Vec::with_capacity(MAX_SPARE) }
    }
}

impl ChunkPool {
    /// One of [`CHUNK_BYTES`], with whatever lies in it.
    pub(super) fn take(&mut self) -> Box<[u8]> {
        self.spare.pop().unwrap_or_else(|| vec![0; CHUNK_BYTES].into_boxed_slice())
    }

    /// Takes one back.
    pub(super) fn give_back(&mut self, chunk: Box<[u8]>) {
        if self.spare.len() < MAX_SPARE && chunk.len() == CHUNK_BYTES {
            self.spare.push(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_two_megabytes_wait() {
        let mut pool = ChunkPool::default();
        let taken: Vec<_> = (0..100).map(|_| pool.take()).collect();
        taken.into_iter().for_each(|chunk| pool.give_back(chunk));
        pool.give_back(Box::default());
        assert_eq!(pool.spare.len(), MAX_SPARE);
        assert_eq!(pool.take().len(), CHUNK_BYTES);
    }
}
