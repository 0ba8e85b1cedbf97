//! An address on loopback that others are told of, and the program behind it, which may come and go.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// An address that stays while the program behind it comes and goes.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    leads: Arc<Mutex<Option<SocketAddr>>>,
    passed: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Door {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let leads: Arc<Mutex<Option<SocketAddr>>> = Arc::default();
        let way = leads.clone();
        let passed: Arc<AtomicUsize> = Arc::default();
        let counted = passed.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut outside, _)) = listener.accept().await {
                let to = *way.lock().unwrap();
                let count = counted.clone();
                tokio::spawn(async move {
                    // Whoever knocks while nobody is there finds the door closed.
                    if let Some(to) = to
                        && let Ok(inside) = TcpStream::connect(to).await
                    {
                        let (mut from, mut back) = outside.split();
                        let (mut answers, mut in_there) = inside.into_split();
                        let inward = async {
                            let mut bytes = vec![0; 64 * 1024];
                            while let Ok(read) = from.read(&mut bytes).await
                                && read > 0
                            {
                                count.fetch_add(1, Ordering::SeqCst);
                                if in_there.write_all(&bytes[..read]).await.is_err() {
                                    break;
                                }
                            }
                            let _ = in_there.shutdown().await;
                        };
                        let outward = async {
                            let _ = tokio::io::copy(&mut answers, &mut back).await;
                        };
                        // Whichever ends first: nobody waits for a program that is gone.
                        tokio::select! {
                            () = inward => {}
                            () = outward => {}
                        }
                    }
                });
            }
        });
        Door {
            address,
            leads,
            passed,
            task,
        }
    }

    /// How often somebody outside has said something to the program.
    #[allow(dead_code, reason = "not every test asks")]
    pub(crate) fn knocks(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }

    pub(crate) fn leads_to(&self, address: Option<SocketAddr>) {
        *self.leads.lock().unwrap() = address;
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}
