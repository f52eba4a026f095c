//! Bytes of a file that only the app can read, such as what stands behind a content URI of Android. The app writes pieces
//! while the call that attaches the file waits; neither a second copy on disk nor a file descriptor is needed, and nothing
//! foreign is called from here.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::error::FfiError;
use crate::runtime::{self, Alive};

/// Pieces that may wait. With the 64 KiB that the façades write this is a quarter of a megabyte.
const PIECES: usize = 4;

/// What travels: a piece, or the honest end. A stream that breaks off without one is a file that cannot be read.
enum Piece {
    Bytes(Vec<u8>),
    End,
}

/// Where the app writes.
#[derive(uniffi::Object)]
pub struct FfiByteStream {
    pieces: Mutex<Option<mpsc::Sender<Piece>>>,
    reader: Mutex<Option<mpsc::Receiver<Piece>>>,
    _alive: Alive,
}

#[uniffi::export]
impl FfiByteStream {
    /// A stream for one attachment.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        let (pieces, reader) = mpsc::channel(PIECES);
        Arc::new(Self { pieces: Mutex::new(Some(pieces)), reader: Mutex::new(Some(reader)), _alive: Alive::new() })
    }

    /// Writes a piece; waits while enough of them wait. `false` if nobody reads any more: the call that was given this stream
    /// tells why.
    pub async fn write(&self, bytes: Vec<u8>) -> bool {
        let Some(pieces) = self.sender() else { return false };
        let sent = runtime::run(async move {
            let sent = pieces.send(Piece::Bytes(bytes)).await;
            Ok::<_, FfiError>(sent.is_ok())
        });
        sent.await.unwrap_or(false)
    }

    /// The file is whole.
    pub async fn finish(&self) {
        let Some(pieces) = self.sender() else { return };
        let sent = runtime::run(async move {
            let _ = pieces.send(Piece::End).await;
            Ok::<_, FfiError>(())
        });
        let _ = sent.await;
        self.abandon();
    }

    /// The app cannot read on: whoever reads gets an error. After `finish` it changes nothing.
    pub fn abandon(&self) {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl FfiByteStream {
    fn sender(&self) -> Option<mpsc::Sender<Piece>> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The other end; a stream that is given to two attachments is broken for the second.
    pub(crate) fn reader(&self) -> impl Read + Send + 'static {
        let pieces = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        StreamReader { pieces, left: io::Cursor::new(Vec::new()), whole: false }
    }
}

struct StreamReader {
    pieces: Option<mpsc::Receiver<Piece>>,
    left: io::Cursor<Vec<u8>>,
    whole: bool,
}

impl Read for StreamReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.left.read(into)?;
            if read > 0 || into.is_empty() || self.whole {
                return Ok(read);
            }
            // The core reads on a thread where waiting is allowed.
            match self.pieces.as_mut().and_then(mpsc::Receiver::blocking_recv) {
                Some(Piece::Bytes(bytes)) => self.left = io::Cursor::new(bytes),
                Some(Piece::End) => self.whole = true,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }
}
