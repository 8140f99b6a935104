//! A view of the file in which writing goes to memory and is forgotten: what keeps a store
//! readable when its disk has no room even for opening it.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use redb::StorageBackend;

use super::store_file::StoreFile;

const BLOCK: usize = 4096;

/// The file as it is, under blocks that were written since.
#[derive(Debug)]
pub(super) struct Overlay {
    file: Arc<StoreFile>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Length of the view.
    len: u64,
    /// As far as the file shows through.
    file_len: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    pub(super) fn new(file: Arc<StoreFile>) -> io::Result<Self> {
        let len = file.len()?;
        Ok(Self {
            file,
            state: Mutex::new(State {
                len,
                file_len: len,
                blocks: BTreeMap::new(),
            }),
        })
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        use_it(&mut state)
    }

    /// The block's bytes: its own if it was written, else the file's, zeros beyond its end.
    fn block(&self, state: &State, number: u64) -> io::Result<Vec<u8>> {
        if let Some(block) = state.blocks.get(&number) {
            return Ok(block.clone());
        }
        let mut block = vec![0; BLOCK];
        let start = number.saturating_mul(BLOCK as u64);
        let present = state.file_len.saturating_sub(start).min(BLOCK as u64) as usize;
        if let Some(shown) = block.get_mut(..present).filter(|shown| !shown.is_empty()) {
            self.file.read(start, shown)?;
        }
        Ok(block)
    }
}

/// Cuts a span of bytes at the borders of blocks: number, place in the block, length.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let mut offset = offset;
    let mut left = length;
    std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let place = (offset % BLOCK as u64) as usize;
        let piece = left.min(BLOCK.saturating_sub(place));
        let number = offset / BLOCK as u64;
        offset = offset.saturating_add(piece as u64);
        left = left.saturating_sub(piece);
        Some((number, place, piece))
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        self.with(|state| Ok(state.len))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.with(|state| {
            if offset.saturating_add(out.len() as u64) > state.len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut rest = out;
            for (number, place, piece) in pieces(offset, rest.len()) {
                let block = self.block(state, number)?;
                let (now, later) = rest.split_at_mut(piece);
                if let Some(bytes) = block.get(place..place.saturating_add(piece)) {
                    now.copy_from_slice(bytes);
                }
                rest = later;
            }
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|state| {
            state.len = len;
            state.file_len = state.file_len.min(len);
            state.blocks.split_off(&len.div_ceil(BLOCK as u64));
            if let Some(last) = state.blocks.get_mut(&(len / BLOCK as u64))
                && let Some(beyond) = last.get_mut((len % BLOCK as u64) as usize..)
            {
                beyond.fill(0);
            }
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.with(|state| {
            let mut rest = data;
            for (number, place, piece) in pieces(offset, data.len()) {
                let mut block = self.block(state, number)?;
                let (now, later) = rest.split_at(piece);
                if let Some(bytes) = block.get_mut(place..place.saturating_add(piece)) {
                    bytes.copy_from_slice(now);
                }
                state.blocks.insert(number, block);
                rest = later;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_file_under_what_was_written_and_leaves_it_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let content: Vec<u8> = (0..10_000_u32).map(|n| n as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let file = Arc::new(StoreFile::open(&path, false).unwrap());
        let overlay = Overlay::new(file).unwrap();
        overlay.write(4_090, b"across a border").unwrap();
        overlay.set_len(20_000).unwrap();
        overlay.write(15_000, b"beyond").unwrap();
        let mut expected = content.clone();
        expected.resize(20_000, 0);
        expected[4_090..4_105].copy_from_slice(b"across a border");
        expected[15_000..15_006].copy_from_slice(b"beyond");
        let mut seen = vec![1; 20_000];
        overlay.read(0, &mut seen).unwrap();
        assert!(seen == expected);
        assert!(overlay.read(19_999, &mut [0; 2]).is_err());
        overlay.set_len(4_100).unwrap();
        overlay.set_len(8_192).unwrap();
        let mut tail = vec![1; 4_092];
        overlay.read(4_100, &mut tail).unwrap();
        assert!(tail.iter().all(|byte| *byte == 0));
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
}
