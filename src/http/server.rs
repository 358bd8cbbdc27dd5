//! The listener: sockets, TLS, workers, and a shutdown that lets requests under
//! way come to their end.

use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::{App, HttpServer, web};

use crate::{
    config::ServerSettings,
    http::{
        Front, configure,
        tls::{TlsError, server_config},
    },
};

/// How long an idle connection is kept: longer than an identity provider pauses between two requests.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a client may take to send its headers.
const HEADERS: Duration = Duration::from_secs(10);

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// The server broke off.
    #[error("the server broke off: {0}")]
    Broken(#[from] io::Error),
}

/// Opens a listening socket.
///
/// # Errors
///
/// [`ServeError::Listen`].
pub fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).map_err(|source| ServeError::Listen { address, source })
}

/// Serves until `stop` completes, then lets requests under way come to their end.
///
/// # Errors
///
/// [`ServeError`].
pub async fn serve(
    front: Front,
    settings: &ServerSettings,
    listeners: Vec<TcpListener>,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let front = web::Data::new(front);
    let mut server = HttpServer::new(move || App::new().configure(|cfg| configure(cfg, &front)))
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEADERS)
        .shutdown_timeout(settings.request_timeout_secs + 1)
        .disable_signals();
    if let Some(workers) = settings.workers {
        server = server.workers(workers);
    }
    let tls = settings.tls.as_ref().map(server_config).transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    for listener in listeners {
        tracing::info!("listening on {scheme}://{}", listener.local_addr()?);
        server = match &tls {
            Some(tls) => server.listen_rustls_0_23(listener, tls.clone())?,
            None => server.listen(listener)?,
        };
    }
    let running = server.run();
    let handle = running.handle();
    tokio::pin!(stop, running);
    tokio::select! {
        outcome = &mut running => return Ok(outcome?),
        () = &mut stop => {}
    }
    let (_, outcome) = tokio::join!(handle.stop(true), running);
    Ok(outcome?)
}
