import Glibc

/// A thread beside the one that traces, to the end of the process.
public enum DetachedThread {
  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// It blocks all signals; the main thread handles those that end a run.
  ///
  /// - Throws: `HTTPServerError` where there can be no thread.
  public static func start(_ run: @escaping @Sendable () -> Void) throws(HTTPServerError) {
    var thread = pthread_t()
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let context = unsafe Unmanaged.passRetained(Body(run)).toOpaque()
    let result = unsafe pthread_create(
      &thread, &attributes,
      { context in
        var signals = sigset_t()
        unsafe sigfillset(&signals)
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        unsafe Unmanaged<Body>.fromOpaque(context!).takeRetainedValue().run()
        return nil
      }, context)
    unsafe pthread_attr_destroy(&attributes)
    guard result == 0 else {
      unsafe Unmanaged<Body>.fromOpaque(context).release()
      throw HTTPServerError(errno: result)
    }
  }
}
