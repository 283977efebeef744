//! Takes connections in, as many as there may be.

use std::rc::Rc;
use std::time::Duration;

use annulus::net::TcpListener;
use annulus::sync::Semaphore;
use annulus::time;

use crate::connection;
use crate::server::Server;

/// How long the server waits when it can accept nothing more, as with too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves every connection, each as a task of its own.
pub(crate) async fn accept(listener: TcpListener, server: &Rc<Server>) {
    let slots = Rc::new(Semaphore::new(server.limits.connections));
    let mut incoming = listener.incoming();
    // Without a slot, connections wait in the listener's backlog.
    while let Ok(slot) = Rc::clone(&slots).acquire_owned().await {
        match incoming.next().await {
            Ok(stream) => {
                server.metrics.accepted.add(1);
                let server = Rc::clone(server);
                annulus::spawn(async {
                    connection::serve(stream, server).await;
                    drop(slot);
                })
                .detach();
            }
            Err(error) => {
                server.metrics.accept_errors.add(1);
                eprintln!("http: cannot accept a connection: {error}");
                // A connection that ends makes room, and so may what else has files open.
                let _either = time::timeout(ACCEPT_PAUSE, server.room.notified()).await;
            }
        }
    }
}
