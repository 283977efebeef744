//! The io room on a running loop: tasks at both ends of streams in memory.

#[cfg(guard_pages)]
#[path = "common/guard.rs"]
mod guard;

use std::time::Duration;

use annulus::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter,
    DuplexStream, copy_bidirectional, duplex,
};
use annulus::time::timeout;

fn random(seed: u64) -> fastrand::Rng {
    eprintln!("seed {seed}");
    fastrand::Rng::with_seed(seed)
}

/// Answers every line with its length, until the end of the stream.
async fn serve(stream: DuplexStream) -> std::io::Result<usize> {
    let (reader, writer) = stream.into_split();
    let (mut lines, mut writer) = (BufReader::new(reader).lines(), BufWriter::new(writer));
    let mut served = 0;
    while let Some(line) = lines.next_line().await? {
        writer.write_all(format!("{}\n", line.len())).await.into_result()?;
        writer.flush().await?;
        served += 1;
    }
    writer.shutdown().await?;
    Ok(served)
}

#[test]
fn a_server_of_lines_behind_two_proxies() {
    let mut random = random(0x20);
    annulus::run(async move {
        let (client, mut outer_front) = duplex(7);
        let (mut outer_back, mut inner_front) = duplex(5);
        let (mut inner_back, server) = duplex(3);
        let outer =
            annulus::spawn(
                async move { copy_bidirectional(&mut outer_front, &mut outer_back).await },
            );
        let inner =
            annulus::spawn(
                async move { copy_bidirectional(&mut inner_front, &mut inner_back).await },
            );
        let server = annulus::spawn(serve(server));

        let (reader, mut writer) = client.into_split();
        let lengths: Vec<usize> = (0..200).map(|_| random.usize(..50)).collect();
        let requests: Vec<String> = lengths.iter().map(|len| "x".repeat(*len) + "\n").collect();
        let sent: usize = requests.iter().map(String::len).sum();
        let sender = annulus::spawn(async move {
            writer.write_vectored_all(requests).await.unwrap();
            writer.shutdown().await.unwrap();
        });
        let mut answers = BufReader::new(reader).lines();
        for len in &lengths {
            let answer = answers.next_line().await.unwrap().expect("the answers ended early");
            assert_eq!(answer, len.to_string());
        }
        assert_eq!(answers.next_line().await.unwrap(), None);
        sender.await.unwrap();
        assert_eq!(server.await.unwrap().unwrap(), lengths.len());
        let received: usize = lengths.iter().map(|len| len.to_string().len() + 1).sum();
        for proxy in [outer, inner] {
            assert_eq!(proxy.await.unwrap().unwrap(), (sent as u64, received as u64));
        }
    })
    .unwrap();
}

#[test]
fn lines_read_under_timeouts_that_always_fire_lose_nothing() {
    let mut random = random(0x21);
    let text: Vec<String> =
        (0..300).map(|_| std::iter::repeat_n('→', random.usize(..20)).collect()).collect();
    annulus::run(async move {
        let (far, mut near) = duplex(16);
        let bytes = text.join("\n").into_bytes();
        let sender = annulus::spawn(async move {
            for piece in bytes.chunks(11) {
                near.write_all(piece.to_vec()).await.unwrap();
                annulus::yield_now().await;
            }
        });
        let mut lines = BufReader::with_capacity(9, far).lines();
        let (mut got, mut elapsed) = (Vec::new(), 0);
        loop {
            match timeout(Duration::ZERO, lines.next_line()).await {
                Ok(Ok(Some(line))) => got.push(line),
                Ok(Ok(None)) => break,
                Ok(Err(error)) => panic!("{error}"),
                Err(_elapsed) => {
                    elapsed += 1;
                    annulus::yield_now().await;
                }
            }
        }
        sender.await.unwrap();
        assert_eq!(got, text);
        assert!(elapsed > 0, "no read was ever dropped in the middle");
    })
    .unwrap();
}

#[test]
fn a_dropped_task_ends_its_streams_for_the_others() {
    annulus::run(async {
        let (mut near, far) = duplex(4);
        let holder = annulus::spawn(async move {
            let mut far = far;
            let _ = far.read_exact(vec![0; 100]).await;
        });
        near.write_all("0123456789").await.unwrap();
        holder.abort();
        assert!(holder.await.unwrap_err().is_cancelled());
        assert_eq!(near.read(vec![0; 1]).await.unwrap().0, 0);
        assert!(near.write("x").await.is_err());
    })
    .unwrap();
}
