//! Receives into buffers of the loop's pool.

use annulus::net::{TcpListener, TcpStream};
use annulus::{BufResult, Builder};
use std::time::Duration;

#[test]
fn pooled_receives_survive_an_empty_pool_and_outlive_the_loop() {
    let runtime = Builder::new().buffer_pool(2, 64).build().unwrap();
    let held = runtime.block_on(async {
        let listener = TcpListener::bind_addr("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect_addr(address).unwrap().await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let mut held = Vec::new();
        for i in 0..5u8 {
            let BufResult(r, _) = client.write_all(vec![i; 10]).await;
            r.unwrap();
            let bytes = server.recv().await.unwrap();
            assert_eq!(&*bytes, &[i; 10]);
            held.push(bytes);
        }
        held.drain(1..3);
        // a dropped one keeps its bytes
        let r = annulus::time::timeout(Duration::from_millis(1), server.recv()).await;
        assert!(r.is_err());
        let BufResult(r, _) = client.write_all("abc").await;
        r.unwrap();
        assert_eq!(&*server.recv().await.unwrap(), b"abc");
        client.shutdown(std::net::Shutdown::Write).await.unwrap();
        assert!(server.recv().await.unwrap().is_empty());
        held
    });
    drop(runtime);
    assert_eq!(&*held[0], &[0; 10]);
    assert_eq!(&*held[1], &[3; 10]);
    std::thread::spawn(move || drop(held)).join().unwrap();
}
