//! Several buffers at once, fewer and more than the kernel takes.

use annulus::BufResult;
use annulus::buf::IoBuf;
use annulus::net::{TcpSocket, TcpStream};

use crate::support::{listen, loopback, pair, read_exact, read_to_end, run};

/// `count` buffers of one to three bytes, no two alike in a row.
fn pieces(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|i| vec![i as u8; i % 3 + 1]).collect()
}

#[test]
fn pieces_are_written_in_order_and_as_many_as_the_kernel_takes() {
    run(async {
        let (one, other) = pair().await;
        for count in [0, 1, 8, 9, 1024, 1100] {
            let all = pieces(count);
            let taken = all[..count.min(1024)].concat();
            let (written, back) = one.writev(all.clone()).await.unwrap();
            assert_eq!((written, back), (taken.len(), all));
            assert_eq!(read_exact(&other, taken.len()).await, taken);
        }
    });
}

#[test]
fn all_pieces_are_written_however_many_they_are() {
    run(async {
        let (one, other) = pair().await;
        for count in [0, 1, 8, 9, 1024, 1100, 5000] {
            let all = pieces(count);
            let whole = all.concat();
            let BufResult(result, back) = one.write_vectored_all(all.clone()).await;
            result.unwrap();
            assert_eq!(back, all);
            assert!(read_exact(&other, whole.len()).await == whole);
        }
        one.write_vectored_all(["a", "", "b"]).await.into_result().unwrap();
        assert_eq!(read_exact(&other, 2).await, b"ab");
    });
}

#[test]
fn pieces_are_filled_in_order() {
    run(async {
        let (one, other) = pair().await;
        for count in [0, 1, 8, 9, 1024, 1100] {
            let room: Vec<Vec<u8>> = pieces(count).iter().map(|p| vec![0; p.len()]).collect();
            let usable = pieces(count)[..count.min(1024)].concat();
            one.write_all(usable.clone()).await.into_result().unwrap();
            let mut filled = 0;
            let mut bufs = room;
            while filled < usable.len() {
                // What comes in several parts is put together again from the front.
                let (read, back) = other.readv(bufs).await.unwrap();
                assert_eq!(back.concat()[..read], usable[filled..filled + read]);
                filled += read;
                bufs = back;
            }
            if count == 0 {
                assert_eq!(other.readv(Vec::<Vec<u8>>::new()).await.unwrap().0, 0);
            }
        }
    });
}

#[test]
fn pieces_without_room_are_passed_over() {
    run(async {
        let (one, other) = pair().await;
        one.write_all("abcd").await.into_result().unwrap();
        let bufs =
            [Vec::with_capacity(1), Vec::new(), Vec::with_capacity(2), Vec::with_capacity(9)];
        let (count, bufs) = other.readv(bufs).await.unwrap();
        assert_eq!(count, 4);
        assert_eq!(bufs, [b"a".to_vec(), Vec::new(), b"bc".to_vec(), b"d".to_vec()]);
    });
}

/// A connection whose buffers take little.
async fn narrow_pair() -> (TcpStream, TcpStream) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind(loopback()).unwrap();
    let listener = socket.listen(8).unwrap();
    let client = TcpSocket::new_v4().unwrap();
    client.set_send_buffer_size(4096).unwrap();
    let client = client.connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

#[test]
fn what_does_not_fit_is_written_in_parts() {
    run(async {
        let (one, other) = narrow_pair().await;
        let whole: Vec<u8> = (0..300_000u32).map(|i| (i / 3) as u8).collect();
        let parts: Vec<Vec<u8>> = whole.chunks(70).map(<[u8]>::to_vec).collect();
        let expected = [&whole[..], &whole[..], &whole[1000..2000]].concat();
        let writer = annulus::spawn(async move {
            one.write_vectored_all(parts).await.into_result().unwrap();
            one.write_all(whole.clone()).await.into_result().unwrap();
            one.write_all(whole.slice(1000..2000)).await.into_result().unwrap();
        });
        assert!(read_to_end(&other).await.unwrap() == expected);
        writer.await.unwrap();
    });
}

#[test]
fn writes_in_a_row_arrive_in_their_order() {
    run(async {
        let (listener, address) = listen().await;
        let client = TcpStream::connect(address).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        for i in 0..2000u32 {
            client.write_all(i.to_le_bytes().to_vec()).await.into_result().unwrap();
        }
        drop(client);
        let expected: Vec<u8> = (0..2000u32).flat_map(u32::to_le_bytes).collect();
        assert!(read_to_end(&server).await.unwrap() == expected);
    });
}

#[test]
fn a_peer_that_resets_in_the_middle_ends_the_write_and_has_read_a_prefix() {
    run(async {
        let (one, other) = narrow_pair().await;
        let whole: Vec<u8> = (0..500_000u32).map(|i| (i / 5) as u8).collect();
        let expected = whole.clone();
        let writer = annulus::spawn(async move { one.write_all(whole).await.0 });
        let read = read_exact(&other, 50_000).await;
        assert!(read == expected[..50_000]);
        drop(other);
        assert!(writer.await.unwrap().is_err());
    });
}
