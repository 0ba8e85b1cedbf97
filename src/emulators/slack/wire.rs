//! TCP connections that can be broken on purpose: reset, frozen, or deaf.

use std::{
    collections::HashMap,
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use futures_util::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// Controls one accepted connection from outside.
#[derive(Default)]
pub(crate) struct Control {
    killed: AtomicBool,
    reads_frozen: AtomicBool,
    writes_frozen: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Control {
    /// Breaks the connection at once; the peer gets a TCP reset.
    pub(crate) fn reset(&self) {
        self.killed.store(true, Ordering::Release);
        self.wake();
    }

    /// Stops reading, so that no ping is answered and no ack heard; what is sent still arrives.
    pub(crate) fn deafen(&self) {
        self.reads_frozen.store(true, Ordering::Release);
    }

    /// Half-open: nothing passes in either direction, and nobody is told.
    pub(crate) fn freeze(&self) {
        self.reads_frozen.store(true, Ordering::Release);
        self.writes_frozen.store(true, Ordering::Release);
    }

    fn wake(&self) {
        self.reader.wake();
        self.writer.wake();
    }

    fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("killed", &self.is_killed())
            .finish_non_exhaustive()
    }
}

/// Every connection of one server, so that stopping the server ends them all.
#[derive(Default, Debug)]
pub(crate) struct Wires {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Weak<Control>>>,
}

impl Wires {
    fn add(&self, control: &Arc<Control>) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(id, Arc::downgrade(control));
        id
    }

    /// Resets every open connection.
    pub(crate) fn reset_all(&self) {
        let open: Vec<_> = self.lock().values().filter_map(Weak::upgrade).collect();
        for control in open {
            control.reset();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Weak<Control>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One accepted connection.
pub(crate) struct Wire {
    stream: TcpStream,
    control: Arc<Control>,
    id: u64,
    all: Arc<Wires>,
}

impl Wire {
    fn check(&self) -> io::Result<()> {
        if !self.control.is_killed() {
            return Ok(());
        }
        // Closing with a zero linger is what makes the peer see a reset rather than an orderly end.
        let _ = self.stream.set_zero_linger();
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.all.lock().remove(&self.id);
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.control.reader.register(cx.waker());
        this.check()?;
        if this.control.reads_frozen.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        Pin::new(&mut this.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.control.writer.register(cx.waker());
        this.check()?;
        if this.control.writes_frozen.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        Pin::new(&mut this.stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check()?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check()?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

/// Accepts connections as [`Wire`]s.
pub(crate) struct WireListener {
    listener: TcpListener,
    all: Arc<Wires>,
}

impl WireListener {
    pub(crate) fn new(listener: TcpListener, all: Arc<Wires>) -> Self {
        Self { listener, all }
    }
}

impl Listener for WireListener {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        // The trait of the same name on tokio's listener waits out errors such as too many open files.
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let _ = stream.set_nodelay(true);
        let control = Arc::new(Control::default());
        let id = self.all.add(&control);
        (
            Wire {
                stream,
                control,
                id,
                all: Arc::clone(&self.all),
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// Gives handlers the [`Control`] of the connection their request came by.
#[derive(Clone, Debug)]
pub(crate) struct Line(pub(crate) Arc<Control>);

impl Connected<IncomingStream<'_, WireListener>> for Line {
    fn connect_info(stream: IncomingStream<'_, WireListener>) -> Self {
        Self(Arc::clone(&stream.io().control))
    }
}
