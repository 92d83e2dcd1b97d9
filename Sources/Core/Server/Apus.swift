/// The program: command line to exit code.
public enum Apus {
    public static func main() {
        print("apus")
    }
}
