import java.io.FileReader;
import java.io.PrintWriter;
import java.util.Properties;
import org.eclipse.dataspacetck.core.system.ConsoleMonitor;
import org.eclipse.dataspacetck.runtime.TckRuntime;

/**
 * Runs the Dataspace Protocol conformance suite: the release candidates on Maven Central come without a main class.
 *
 * <p>Argument: a properties file. The last line says how many tests were found, succeeded and failed; a set-up that broke
 * counts as failed. Exits with 1 if anything failed or nothing ran.
 */
public class RunSuite {
    private static final String LAUNCHER = "org.eclipse.dataspacetck.dsp.system.DspSystemLauncher";
    private static final String CASES = "org.eclipse.dataspacetck.dsp.verification";

    public static void main(String[] arguments) throws Exception {
        var properties = new Properties();
        try (var reader = new FileReader(arguments[0])) {
            properties.load(reader);
        }
        properties.put("dataspacetck.launcher", LAUNCHER);
        var runtime = TckRuntime.Builder.newInstance().monitor(new ConsoleMonitor(false, false)).addPackage(CASES);
        properties.forEach((key, value) -> runtime.property((String) key, (String) value));
        var results = runtime.build().execute();
        results.printFailuresTo(new PrintWriter(System.out, true), 5);
        System.out.printf(
                "FOUND %d SUCCEEDED %d FAILED %d%n",
                results.getTestsFoundCount(), results.getTestsSucceededCount(), results.getTotalFailureCount());
        System.exit(results.getTotalFailureCount() == 0 && results.getTestsSucceededCount() > 0 ? 0 : 1);
    }
}
